// Copying texts and pictures, in ways that also work on plain http, where navigator.clipboard does not exist.

function copyBySelection(text: string): boolean {
  const holder = document.createElement('textarea');
  holder.value = text;
  holder.readOnly = true;
  holder.style.position = 'fixed';
  holder.style.opacity = '0';
  // A modal dialog makes everything outside inert, so the holder must be inside the topmost one.
  const host = [...document.querySelectorAll('dialog[open]')].at(-1) ?? document.body;
  const focused = document.activeElement;
  host.append(holder);
  holder.select();
  const done = document.execCommand('copy');
  holder.remove();
  if (focused instanceof HTMLElement) focused.focus({ preventScroll: true });
  return done;
}

/** Resolves to whether the text is on the clipboard. */
export async function copyText(text: string): Promise<boolean> {
  try {
    await navigator.clipboard.writeText(text);
    return true;
  } catch {
    return copyBySelection(text);
  }
}

/** A copy of the picture as PNG, the one format that every clipboard takes. */
async function asPng(url: string): Promise<Blob> {
  const image = new Image();
  image.src = url;
  await image.decode();
  const canvas = document.createElement('canvas');
  canvas.width = image.naturalWidth;
  canvas.height = image.naturalHeight;
  canvas.getContext('2d')?.drawImage(image, 0, 0);
  return new Promise((resolve, reject) =>
    canvas.toBlob((blob) => (blob ? resolve(blob) : reject(new Error('no blob'))), 'image/png'),
  );
}

/** On plain http a page may only copy what is selected: the picture itself, as part of the page. */
async function copySelectedPicture(url: string): Promise<boolean> {
  const image = new Image();
  image.src = url;
  await image.decode();
  const holder = document.createElement('div');
  holder.contentEditable = 'true';
  holder.className = 'sr-only';
  holder.append(image);
  document.body.append(holder);
  const focused = document.activeElement;
  const selection = getSelection();
  selection?.removeAllRanges();
  const range = document.createRange();
  range.selectNode(image);
  selection?.addRange(range);
  const done = document.execCommand('copy');
  holder.remove();
  if (focused instanceof HTMLElement) focused.focus({ preventScroll: true });
  return done;
}

/** Copies the picture at a same-origin address; resolves to whether it is on the clipboard. */
export async function copyPicture(url: string): Promise<boolean> {
  try {
    if (typeof ClipboardItem === 'function' && navigator.clipboard) {
      // Handed over unfinished: Safari allows copying only within the click itself.
      await navigator.clipboard.write([new ClipboardItem({ 'image/png': asPng(url) })]);
      return true;
    }
  } catch {
    // Refused or not able to: the selection is still a way.
  }
  return copySelectedPicture(url).catch(() => false);
}
