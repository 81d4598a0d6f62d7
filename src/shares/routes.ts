// Binds the contracts of shares to the slice.
import { toTimestamp } from '../kernel/clock.ts';
import { type BoundRoute, bindRoute } from '../kernel/route.ts';
import * as contract from './contract.ts';
import { sendEmbed } from './embed.ts';
import { shareUrl } from './page.ts';
import { sendPicture } from './public-media.ts';
import { openPage, showPage } from './public-page.ts';
import type { Shares, ShareWithImages } from './shares.ts';

/** All routes of the slice. */
export function shareRoutes(shares: Shares): BoundRoute[] {
  return [
    ...ownerRoutes(shares),
    bindRoute(contract.shareEmbedRoute, sendEmbed(shares)),
    bindRoute(contract.sharePageRoute, showPage(shares)),
    bindRoute(contract.openShareRoute, openPage(shares)),
    bindRoute(contract.shareMediaRoute, sendPicture(shares)),
  ];
}

function ownerRoutes(shares: Shares): BoundRoute[] {
  return [
    bindRoute(contract.createShareRoute, async ({ access, body, baseUrl }) => {
      const { image_ids, story_id, batch_id, title, expires_at, password } = body;
      const made = await shares.create({
        accountId: access.accountId,
        imageIds: image_ids,
        storyId: story_id,
        batchId: batch_id,
        title,
        expiresAt: expires_at,
        password,
        showPrompt: body.show_prompt,
        allowDownload: body.allow_download,
      });
      return { status: 201 as const, body: toWire(shares, made, baseUrl) };
    }),
    bindRoute(contract.listSharesRoute, async ({ access, query, baseUrl }) => {
      const { cursor, limit, image_ids: imageIds } = query;
      const found = await shares.list({
        accountId: access.accountId,
        afterId: cursor,
        imageIds,
        limit: limit + 1,
      });
      const page = found.slice(0, limit);
      const next_cursor = found.length > limit ? (page.at(-1)?.share.id ?? null) : null;
      return {
        status: 200 as const,
        body: { data: page.map((one) => toWire(shares, one, baseUrl)), next_cursor },
      };
    }),
    bindRoute(contract.getShareRoute, async ({ access, params, baseUrl }) => ({
      status: 200 as const,
      body: toWire(shares, await shares.get(access.accountId, params.id), baseUrl),
    })),
    bindRoute(contract.changeShareRoute, async ({ access, params, body, baseUrl }) => {
      const { title, expires_at, password, show_prompt, allow_download } = body;
      const changed = await shares.change(access.accountId, params.id, {
        ...(title === undefined ? {} : { title }),
        ...(expires_at === undefined ? {} : { expiresAt: expires_at }),
        ...(password === undefined ? {} : { password }),
        ...(show_prompt === undefined ? {} : { showPrompt: show_prompt }),
        ...(allow_download === undefined ? {} : { allowDownload: allow_download }),
      });
      return { status: 200 as const, body: toWire(shares, changed, baseUrl) };
    }),
    bindRoute(contract.removeShareRoute, async ({ access, params }) => {
      await shares.remove(access.accountId, params.id);
      return { status: 204 as const };
    }),
  ];
}

function toWire(shares: Shares, { share, images }: ShareWithImages, baseUrl: string) {
  const { urls } = shares.media;
  return {
    id: share.id,
    slug: share.slug,
    url: shareUrl(baseUrl, share.slug),
    title: share.title,
    show_prompt: share.show_prompt === 1,
    allow_download: share.allow_download === 1,
    has_password: share.password_hash !== null,
    expires_at: share.expires_at === null ? null : toTimestamp(share.expires_at),
    is_expired: shares.isExpired(share),
    views: share.views + shares.views.pending(share.id),
    source: { kind: share.source_kind, id: share.source_id },
    images: images.map((image) => ({
      id: image.image_id,
      n: image.position,
      thumb_url: image.thumb_key
        ? urls.view(baseUrl, 'thumb', image.thumb_key)
        : urls.view(baseUrl, image.kind, image.file_key),
      width: image.width,
      height: image.height,
    })),
    created_at: toTimestamp(share.created_at),
    updated_at: toTimestamp(share.updated_at),
  };
}
