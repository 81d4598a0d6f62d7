// A form with one picture in it, read to a private local file, and its other fields as text.
import type { FastifyRequest } from 'fastify';
import { AppError } from '../kernel/errors.ts';
import type { LocalPicture, Media } from '../media/media.ts';

const MAX_FIELDS = 20;
const MAX_FIELD_BYTES = 64 * 1024;

export interface FormPicture {
  picture: LocalPicture;
  fields: Readonly<Record<string, string>>;
}

/**
 * Reads the form; the caller discards the picture's file. `maxBytes` is for the picture. Throws `unsupported_media_type` (no
 * form), `validation_failed` (no picture, or several), `payload_too_large`.
 */
export async function readFormPicture(
  request: FastifyRequest,
  media: Media,
  maxBytes: number,
): Promise<FormPicture> {
  if (!request.isMultipart()) {
    throw new AppError('unsupported_media_type', {
      detail: 'Send the picture as multipart/form-data in the field "file".',
    });
  }
  const fields: Record<string, string> = Object.create(null);
  let picture: LocalPicture | null = null;
  const limits = { fileSize: maxBytes + 1, files: 2, fields: MAX_FIELDS, fieldSize: MAX_FIELD_BYTES };
  try {
    for await (const part of request.parts({ limits })) {
      if (part.type !== 'file') {
        const text = String(part.value);
        if (text.includes('\0'))
          throw new AppError('malformed_request', { detail: 'A field contains a NUL character.' });
        fields[part.fieldname] = text;
      } else {
        if (picture) throw invalid('Send one picture at a time.');
        picture = await media.spool(part.file, maxBytes);
      }
    }
  } catch (error) {
    if (picture) await media.discard(picture.path);
    throw error;
  }
  if (!picture) throw invalid('There is no picture in the field "file".');
  return { picture, fields };
}

function invalid(detail: string): AppError {
  return new AppError('validation_failed', { detail, errors: [{ pointer: '/file', detail }] });
}
