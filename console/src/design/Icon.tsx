// Line icons of 16 px, drawn here: a handful needs no library.
const paths: Record<string, string> = {
  overview: "M2 8h3l2-5 3 10 2-5h2",
  site: "M3 14V4l5-2 5 2v10M6 14v-3h4v3M6 6h1M9 6h1M6 8.500h1M9 8.500h1",
  power: "M9 1.500 3.500 9H8l-1 5.500L12.500 7H8z",
  jobs: "M2 4h8M2 8h12M2 12h5",
  fleet: "M2 3h12v4H2zM2 9h12v4H2zM4.500 5h.010M4.500 11h.010",
  capacity: "M2 14V2M2 14h12M4.500 11V8M8 11V5M11.500 11V3",
  contract: "M4 1.500h6L13 4.500v10H4zM10 1.500v3h3M6 8h5M6 11h5",
  quote: "M3 3h10v8H8l-3 3v-3H3z",
  invoice: "M3.500 1.500h9v13l-2-1.200-2.500 1.200-2.500-1.200-2 1.200zM6 5h4M6 8h4",
  audit: "M8 1.500 13.500 4v4c0 3-2.200 5.500-5.500 6.500C4.700 13.500 2.500 11 2.500 8V4zM5.700 8l1.600 1.600 3-3.200",
  tenant: "M5.500 7.500a2.500 2.500 0 1 0 0-5 2.500 2.500 0 0 0 0 5zM1.500 14c0-2.500 1.800-4 4-4s4 1.500 4 4M10.500 3a2.300 2.300 0 0 1 0 4.500M12 10.300c1.500.500 2.500 1.800 2.500 3.700",
  usage: "M8 14A6 6 0 1 0 8 2a6 6 0 0 0 0 12zM8 4.500V8l2.500 2",
  apply: "M8 10V2M5 5l3-3 3 3M2.500 10v3.500h11V10",
  search: "M7 12A5 5 0 1 0 7 2a5 5 0 0 0 0 10zM10.700 10.700 14 14",
  sun: "M8 11a3 3 0 1 0 0-6 3 3 0 0 0 0 6zM8 1v1.500M8 13.500V15M1 8h1.500M13.500 8H15M3 3l1 1M12 12l1 1M13 3l-1 1M4 12l-1 1",
  moon: "M13.500 9.500A6 6 0 0 1 6.500 2.500a6 6 0 1 0 7 7z",
  out: "M6 2.500H3v11h3M10 5l3 3-3 3M13 8H6.500",
  copy: "M5.500 5.500h8v8h-8zM10.500 5.500v-3h-8v8h3",
  save: "M8 2v8M5 7l3 3 3-3M2.500 13.500h11",
  close: "M4 4l8 8M12 4l-8 8",
};

export function Icon({ name }: { name: keyof typeof paths | string }) {
  return (
    <svg width="16" height="16" viewBox="0 0 16 16" fill="none" stroke="currentColor" strokeWidth="1.4" strokeLinecap="round" strokeLinejoin="round" aria-hidden="true">
      <path d={paths[name]} />
    </svg>
  );
}
