// The sign of the branch map: a path that forks.

export function BranchIcon() {
  return (
    <svg
      viewBox="0 0 20 20"
      fill="none"
      stroke="currentColor"
      strokeWidth="1.6"
      strokeLinecap="round"
      strokeLinejoin="round"
      aria-hidden="true"
      className="size-5 shrink-0"
    >
      <path d="M5.500 7v6.500M5.500 8c0 3.500 9 .5 9 4.500v1" />
      <circle cx="5.500" cy="5" r="1.900" />
      <circle cx="5.500" cy="15.400" r="1.900" />
      <circle cx="14.500" cy="15.400" r="1.900" />
    </svg>
  );
}
