// Whether the details stand beside the picture: remembered on this device, and at first only where there is room for both.
import { useState } from 'react';
import { readStored, writeStored } from '../ui/stored.ts';

const INFO_STORED = 'drawbridge.gallery.info';
const WIDE = '(min-width: 60rem)';

/** Returns whether they are open, and a function that opens or closes them. */
export function useInfoOpen(): [boolean, () => void] {
  const [isOpen, setOpen] = useState(() => readStored(INFO_STORED) === 'open' && matchMedia(WIDE).matches);
  const toggle = () => {
    writeStored(INFO_STORED, isOpen ? null : 'open');
    setOpen(!isOpen);
  };
  return [isOpen, toggle];
}
