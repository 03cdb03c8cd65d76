/** The clasp with its three keys. */
export function Mark({ size = 24 }: { readonly size?: number }) {
  return (
    <svg width={size} height={size} viewBox="0 0 24 24" fill="none" aria-hidden="true" focusable="false">
      <path
        fill="currentColor"
        fillRule="evenodd"
        d="M3.5 9a8.5 7 0 0 1 17 0zM12 4.2a1.6 1.6 0 1 0 0 3.2 1.6 1.6 0 0 0 0-3.2z"
      />
      <g stroke="currentColor" strokeWidth="2" strokeLinecap="square">
        <path d="M6.5 10v6m0-2.2h2" />
        <path d="M12 10v11m0-2h2.6m-2.6-4h2" />
        <path d="M17.5 10v6m0-2.2h2" />
      </g>
    </svg>
  );
}
