// The place of pictures that do not exist yet: frames in their true shape, and over them the bridge with what is going on.
// Where the provider shows unfinished pictures, the newest one is behind it.
import { Bridge } from '../ui/Bridge.tsx';
import { cssVariables } from '../ui/css-variables.ts';

interface WorkInProgressProps {
  /** Width over height of one picture. */
  ratio: number;
  count: number;
  /** 0 to 1, or null where nobody knows. */
  progress: number | null;
  title: string;
  notes: readonly string[];
  previewUrl?: string | null;
}

export function WorkInProgress({ ratio, count, progress, title, notes, previewUrl }: WorkInProgressProps) {
  const frames = Array.from({ length: count }, (_, index) => index);
  const stands = previewUrl ? 'items-end' : 'items-center';
  const panel = count > 1 || previewUrl ? 'rounded-sheet bg-mat px-6 py-3' : '';
  return (
    <div
      className={`relative ${count === 1 ? 'pictures-1' : 'pictures-many'}`}
      style={cssVariables({ '--ratio': ratio })}
    >
      <div className={count === 1 ? '' : 'grid grid-cols-2 gap-3'} aria-hidden="true">
        {frames.map((frame) => (
          <div key={frame} className="picture-frame">
            {frame === 0 && previewUrl && <img src={previewUrl} alt="" className="preview" />}
          </div>
        ))}
      </div>
      <div className={`absolute inset-0 flex ${stands} justify-center p-2`}>
        <div className={`flex flex-col items-center gap-1 text-center ${panel}`}>
          <Bridge progress={progress} className={previewUrl ? 'w-16' : 'w-32 max-w-full'} />
          <p className="figures mt-1 font-semibold">{title}</p>
          {notes.map((note) => (
            <p key={note} className="figures text-sm text-soft">
              {note}
            </p>
          ))}
        </div>
      </div>
    </div>
  );
}
