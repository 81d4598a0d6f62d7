// Binds the contracts of the styles slice to its verbs, and shows its rows with addresses and in the caller's language.
import type { FastifyReply } from 'fastify';
import { AppError, type Language } from '../kernel/errors.ts';
import { sha256Hex } from '../kernel/id.ts';
import { type Access, type BoundRoute, bindRoute } from '../kernel/route.ts';
import * as contract from './contract.ts';
import type { CategoryRow, CoverOwner, StyleBook, StyleRow } from './store.ts';
import { parseNames, type Styles } from './styles.ts';

/** A change of the operator's is seen everywhere after this. */
const LIST_CACHE = 'public, max-age=60';
const COVER_CACHE = 'public, max-age=31536000, immutable';
const COVER_POLICY = "default-src 'none'; sandbox";

export function styleRoutes(styles: Styles): BoundRoute[] {
  return [
    ...publicRoutes(styles),
    ...categoryRoutes(styles),
    ...singleRoutes(styles),
    ...coverRoutes(styles),
  ];
}

interface View {
  baseUrl: string;
  language: Language;
}

function coverUrl({ cover }: Pick<CategoryRow, 'cover'>, { baseUrl }: View): string | null {
  return cover === null ? null : `${baseUrl}/v1/style-covers/${cover.slice(cover.indexOf('/') + 1)}`;
}

function shownStyle(row: StyleRow, view: View) {
  return {
    id: row.id,
    name: parseNames(row)[view.language],
    cover_url: coverUrl(row, view),
    prompt_template: row.prompt_template,
    negative_prompt: row.negative_prompt,
    model: row.model,
    aspect_ratio: row.aspect_ratio,
  };
}

function managedStyle(row: StyleRow, view: View): contract.ManagedStyleBody {
  const { category_id } = row;
  return { ...shownStyle(row, view), category_id, names: parseNames(row), enabled: row.enabled === 1 };
}

function managedCategory(
  row: CategoryRow,
  styles: readonly StyleRow[],
  view: View,
): contract.ManagedCategoryBody {
  const names = parseNames(row);
  return {
    id: row.id,
    name: names[view.language],
    names,
    enabled: row.enabled === 1,
    cover_url: coverUrl(row, view),
    styles: styles
      .filter(({ category_id }) => category_id === row.id)
      .map((style) => managedStyle(style, view)),
  };
}

function managedList({ categories, styles }: StyleBook, view: View) {
  return { categories: categories.map((row) => managedCategory(row, styles, view)) };
}

function publicList({ categories, styles }: StyleBook, view: View): contract.StyleListBody {
  return {
    categories: categories
      .filter((category) => category.enabled === 1)
      .map((category) => ({
        id: category.id,
        name: parseNames(category)[view.language],
        cover_url: coverUrl(category, view),
        styles: styles
          .filter((style) => style.category_id === category.id && style.enabled === 1)
          .map((style) => shownStyle(style, view)),
      })),
  };
}

/** If-None-Match, compared weakly as RFC 9110 says for GET. */
function hasCurrent(wanted: string | undefined, etag: string): boolean {
  if (wanted === undefined) return false;
  return wanted.split(',').some((tag) => ['*', etag].includes(tag.trim().replace(/^W\//, '')));
}

function publicRoutes(styles: Styles): BoundRoute[] {
  return [
    bindRoute(contract.listStylesRoute, async (request) => {
      const body = publicList(await styles.list(), request);
      const etag = `"${sha256Hex(JSON.stringify(body)).slice(0, 32)}"`;
      const headers = { etag, 'cache-control': LIST_CACHE, vary: 'Accept-Language' };
      if (hasCurrent(request.headers['if-none-match'], etag)) return { status: 304 as const, headers };
      return { status: 200 as const, headers, body };
    }),
    bindRoute(contract.styleCoverRoute, async ({ params, headers }, reply) => {
      const cover = await styles.openCover(params.key);
      const etag = `"${cover.sha256}"`;
      setCoverHeaders(reply, etag);
      if (hasCurrent(headers['if-none-match'], etag)) reply.code(304).send();
      else reply.type(cover.mime).send(cover.bytes);
      return 'handled';
    }),
  ];
}

function setCoverHeaders(reply: FastifyReply, etag: string): void {
  reply.headers({
    etag,
    'cache-control': COVER_CACHE,
    'x-content-type-options': 'nosniff',
    'content-security-policy': COVER_POLICY,
    'cross-origin-resource-policy': 'cross-origin',
  });
}

/** A category as it is now, with its styles. */
async function oneCategory(styles: Styles, id: string, view: View): Promise<contract.ManagedCategoryBody> {
  const book = await styles.list();
  const row = book.categories.find((category) => category.id === id);
  if (!row) throw new AppError('not_found', { detail: 'There is no such category.' });
  return managedCategory(row, book.styles, view);
}

async function oneStyle(styles: Styles, id: string, view: View): Promise<contract.ManagedStyleBody> {
  const row = (await styles.list()).styles.find((style) => style.id === id);
  if (!row) throw new AppError('not_found', { detail: 'There is no such style.' });
  return managedStyle(row, view);
}

function categoryRoutes(styles: Styles): BoundRoute[] {
  return [
    bindRoute(contract.listManagedStylesRoute, async (request) => ({
      status: 200 as const,
      body: managedList(await styles.list(), request),
    })),
    bindRoute(contract.createCategoryRoute, async (request) => {
      const { names, enabled } = request.body;
      const row = await styles.createCategory({ names: JSON.stringify(names), enabled });
      return { status: 201 as const, body: managedCategory(row, [], request) };
    }),
    bindRoute(contract.updateCategoryRoute, async (request) => {
      const { names, enabled } = request.body;
      await styles.updateCategory(request.params.id, {
        ...(names === undefined ? {} : { names: JSON.stringify(names) }),
        ...(enabled === undefined ? {} : { enabled }),
      });
      return { status: 200 as const, body: await oneCategory(styles, request.params.id, request) };
    }),
    bindRoute(contract.removeCategoryRoute, async ({ params }) => {
      await styles.removeCategory(params.id);
      return { status: 204 as const };
    }),
    bindRoute(contract.orderStylesRoute, async (request) => ({
      status: 200 as const,
      body: managedList(await styles.order(request.body.categories), request),
    })),
  ];
}

function singleRoutes(styles: Styles): BoundRoute[] {
  return [
    bindRoute(contract.createStyleRoute, async (request) => {
      const { category_id: categoryId, names, enabled, ...fields } = request.body;
      const row = await styles.createStyle(categoryId, {
        ...fields,
        names: JSON.stringify(names),
        enabled: enabled ? 1 : 0,
      });
      return { status: 201 as const, body: managedStyle(row, request) };
    }),
    bindRoute(contract.updateStyleRoute, async (request) => {
      const { names, enabled, prompt_template, negative_prompt, model, aspect_ratio } = request.body;
      const row = await styles.updateStyle(request.params.id, {
        ...(names === undefined ? {} : { names: JSON.stringify(names) }),
        ...(enabled === undefined ? {} : { enabled: enabled ? (1 as const) : (0 as const) }),
        ...(prompt_template === undefined ? {} : { prompt_template }),
        ...(negative_prompt === undefined ? {} : { negative_prompt }),
        ...(model === undefined ? {} : { model }),
        ...(aspect_ratio === undefined ? {} : { aspect_ratio }),
      });
      return { status: 200 as const, body: managedStyle(row, request) };
    }),
    bindRoute(contract.removeStyleRoute, async ({ params }) => {
      await styles.removeStyle(params.id);
      return { status: 204 as const };
    }),
  ];
}

type CoverBody = { upload_id: string } | { image_id: string };

const sourceOf = (body: CoverBody, { accountId }: Access) => ({
  id: 'upload_id' in body ? body.upload_id : body.image_id,
  accountId,
});

function coverRoutes(styles: Styles): BoundRoute[] {
  const set = async (owner: CoverOwner, id: string, body: CoverBody, access: Access) =>
    styles.setCover(owner, id, sourceOf(body, access));
  return [
    bindRoute(contract.setStyleCoverRoute, async (request) => {
      const { params, body, access } = request;
      await set('styles', params.id, body, access);
      return { status: 200 as const, body: await oneStyle(styles, params.id, request) };
    }),
    bindRoute(contract.removeStyleCoverRoute, async (request) => {
      await styles.removeCover('styles', request.params.id);
      return { status: 200 as const, body: await oneStyle(styles, request.params.id, request) };
    }),
    bindRoute(contract.setCategoryCoverRoute, async (request) => {
      const { params, body, access } = request;
      await set('style_categories', params.id, body, access);
      return { status: 200 as const, body: await oneCategory(styles, params.id, request) };
    }),
    bindRoute(contract.removeCategoryCoverRoute, async (request) => {
      await styles.removeCover('style_categories', request.params.id);
      return { status: 200 as const, body: await oneCategory(styles, request.params.id, request) };
    }),
  ];
}
