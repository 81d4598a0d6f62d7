// The order of categories and styles as the server takes it, and moves within it.
import type { StyleCategory } from './admin-api.ts';

export interface StyleOrder {
  categories: { id: string; styles: string[] }[];
}

const orderOf = (categories: readonly StyleCategory[]): StyleOrder => ({
  categories: categories.map(({ id, styles }) => ({ id, styles: styles.map((style) => style.id) })),
});

/** The list with one item `by` places further on; the same list where that would leave it. */
function moved<Item>(list: readonly Item[], index: number, by: number): Item[] {
  const next = [...list];
  const [item] = next.splice(index, 1);
  if (item === undefined || index + by < 0 || index + by >= list.length) return [...list];
  next.splice(index + by, 0, item);
  return next;
}

export function withCategoryMoved(categories: readonly StyleCategory[], id: string, by: number): StyleOrder {
  const order = orderOf(categories);
  const index = order.categories.findIndex((category) => category.id === id);
  return { categories: moved(order.categories, index, by) };
}

export function withStyleMoved(categories: readonly StyleCategory[], id: string, by: number): StyleOrder {
  const { categories: order } = orderOf(categories);
  return {
    categories: order.map(({ id: category, styles }) => {
      const index = styles.indexOf(id);
      return { id: category, styles: index < 0 ? styles : moved(styles, index, by) };
    }),
  };
}

/** A style of a category taken from one place of it to another. */
export function withStyleAt(
  categories: readonly StyleCategory[],
  categoryId: string,
  from: number,
  to: number,
): StyleOrder {
  const { categories: order } = orderOf(categories);
  return {
    categories: order.map(({ id, styles }) => ({
      id,
      styles: id === categoryId ? moved(styles, from, to - from) : styles,
    })),
  };
}
