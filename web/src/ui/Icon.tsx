// The icons, drawn in one stroke weight on a 20 px grid. Decoration only: every button has its own name.

const PATHS = {
  download: 'M10 3v9m0 0 3.5-3.5M10 12 6.500 8.500M4 16h12',
  picture: 'M3.500 4.500h13v11h-13zM3.500 13l3.500-3.500 3 3 2.500-2.500 4 4M12.500 7.800h.01',
  input: 'M16.500 10v5.500h-13v-11H9M13 3.500v6M10 6.500h6M3.500 13.500 7 10l4.500 5.500',
  prompt: 'M4 5.500h12M4 10h8M4 14.500h5',
  again: 'M15.500 6.500A6.500 6.500 0 1 0 16.500 10M16.500 3.500v4h-4',
  link: 'M8.500 11.500a3 3 0 0 0 4.200 0l2.900-2.900a3 3 0 0 0-4.200-4.200l-.9.9M11.500 8.500a3 3 0 0 0-4.200 0l-2.900 2.900a3 3 0 0 0 4.200 4.200l.9-.9',
  close: 'm5 5 10 10M15 5 5 15',
  check: 'm4.500 10.500 3.500 3.500 7.500-8',
  copy: 'M7.500 7.500h8v8h-8zM12.500 7.500v-3h-8v8h3',
  down: 'm5.500 8 4.500 4.500L14.500 8',
  up: 'M10 16V4.500M5 9.500l5-5 5 5',
  left: 'M12 4.500 6.500 10l5.500 5.500',
  right: 'M8 4.500 13.500 10 8 15.500',
  dice: 'M4 4h12v12H4zM7.500 7.500h.01M12.500 7.500h.01M10 10h.01M7.500 12.500h.01M12.500 12.500h.01',
  alert: 'M10 3.500 17 16H3zM10 8.500v3.500M10 14h.01',
  stop: 'M10 2.800a7.200 7.200 0 1 0 0 14.400 7.200 7.200 0 0 0 0-14.400M7.800 7.800h4.400v4.400H7.800z',
  settings: 'M3.500 6.500h7M14.500 6.500h2M3.500 13.500h2M9.500 13.500h7M12.500 4.500v4M7.500 11.500v4',
  eye: 'M2.500 10S5 5 10 5s7.500 5 7.500 5-2.500 5-7.500 5-7.500-5-7.500-5M10 8a2 2 0 1 0 0 4 2 2 0 0 0 0-4',
} as const;

export type IconName = keyof typeof PATHS;

export function Icon({ name, className = 'size-5' }: { name: IconName; className?: string }) {
  return (
    <svg
      viewBox="0 0 20 20"
      fill="none"
      stroke="currentColor"
      strokeWidth="1.6"
      strokeLinecap="round"
      strokeLinejoin="round"
      aria-hidden="true"
      className={`shrink-0 ${className}`}
    >
      <path d={PATHS[name]} />
    </svg>
  );
}
