// Uploads a picture with progress. XMLHttpRequest, because fetch reports nothing about bytes sent.
import { currentText } from '../ui/language.ts';
import { apiUrl, authorization, rejectAnswer } from './client.ts';
import { ApiError, networkProblem } from './problem.ts';
import type { Upload } from './resources.ts';

const UPLOAD_PATH = 'v1/uploads';

/** Sends the file; `onProgress` gets bytes sent and total. Rejects with ApiError, or with the signal's reason. */
export function uploadPicture(
  file: Blob,
  name: string,
  onProgress: (sentBytes: number, totalBytes: number) => void,
  signal: AbortSignal,
): Promise<Upload> {
  return new Promise((resolve, reject) => {
    const request = new XMLHttpRequest();
    const form = new FormData();
    form.append('file', file, name);
    request.open('POST', apiUrl(UPLOAD_PATH));
    request.setRequestHeader('accept', 'application/json');
    for (const [header, value] of Object.entries(authorization())) request.setRequestHeader(header, value);
    request.setRequestHeader('accept-language', currentText().locale);
    request.responseType = 'text';
    request.upload.onprogress = (event) =>
      onProgress(event.loaded, event.lengthComputable ? event.total : file.size);
    request.onerror = () => reject(new ApiError(networkProblem()));
    request.onabort = () => reject(signal.reason);
    request.onload = () => {
      let body: unknown = null;
      try {
        body = JSON.parse(request.responseText);
        if (request.status >= 200 && request.status < 300) return resolve(body as Upload);
      } catch {
        // Not JSON: rejectAnswer turns it into an `unknown` problem.
      }
      try {
        rejectAnswer(request.status, body, request.getResponseHeader('x-request-id'), UPLOAD_PATH);
      } catch (error) {
        reject(error);
      }
    };
    signal.addEventListener('abort', () => request.abort(), { once: true });
    request.send(form);
  });
}
