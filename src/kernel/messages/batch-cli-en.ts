// English texts of `drawbridge batch`. The object is the type of the Chinese file.
export const batchCliEn = {
  summary: 'Many pictures from one file',
  run: 'Make the pictures of a file and save them; run it again to go on where it stopped',
  file: 'CSV, TSV, JSONL, a manifest, or one prompt a line; UTF-8, UTF-16 or GB18030',
  output: 'folder to save to; without it, one named after the file',
  dryRun: 'check every row and count the price; make nothing',
  budget: 'refuse a batch that costs more credits than this',
  model: 'model for rows that name none',
  size: 'pixels for rows that name none, such as 1024x768',
  aspectRatio: 'ratio for rows that name none, such as 16:9',
  style: 'style for rows that name none, by id or name',
  pattern: 'names of the files: {n} {k} {prompt} {model} {seed} {id} or a column',
  list: 'List batches, newest first',
  show: 'Show a batch with its counts',
  pause: 'Begin nothing more of a batch',
  resume: 'Go on with a paused batch',
  cancel: 'Cancel what is left of a batch',
  retryFailed: 'Try the failed items of a batch again',
  id: 'batch id',
  checked: (items: number, pictures: number, credits: string, eta: string) =>
    `${items} items, ${pictures} pictures, ${credits} credits${eta === '' ? '' : `, about ${eta}`}`,
  rowWrong: (row: number, field: string, detail: string) =>
    `row ${row}${field === '' ? '' : `, ${field}`}: ${detail}`,
  skipped: (count: number) => `${count} rows are done already and were left out`,
  accepted: (id: string, url: string) => `batch ${id} (${url})`,
  goesOn: (id: string) => `going on with ${id}`,
  progress: (done: number, total: number, failed: number) =>
    `${done}/${total}${failed > 0 ? `, ${failed} failed` : ''}`,
  left: (id: string) =>
    `The batch goes on at the server. Run the same command again to fetch the rest, or: drawbridge batch cancel ${id}`,
  saved: (count: number, folder: string) => `${count} pictures in ${folder}`,
  someFailed: (failed: number, id: string) => `${failed} items failed: drawbridge batch retry-failed ${id}`,
  otherFile: (folder: string) => `${folder} belongs to a batch of another file or other options`,
  otherFileFix: 'Name another folder with --output.',
  counts: 'done / all',
  failedColumn: 'failed',
};

export type BatchCliMessages = typeof batchCliEn;
