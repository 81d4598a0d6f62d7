// Where the wish to be told of ended tasks is kept, apart from what tells them, which only those who wish for it download.
export const DONE_NOTICE_STORED = 'drawbridge.tell-when-done';
