// How a reverse proxy says that it can send files for the application, as other servers have it: only whoever says so gets
// X-Accel-Redirect instead of bytes, so that a caller past the proxy never gets an empty answer.

/** In lower case, as Node names headers. */
export const SENDFILE_HEADER = 'x-sendfile-type';
export const SENDFILE_TYPE = 'X-Accel-Redirect';
