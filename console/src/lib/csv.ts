// Tables for other programs: CSV as a file, tabs for the clipboard.

const quoted = (value: unknown) => {
  const text = String(value ?? "");
  // A spreadsheet runs what begins like a formula.
  const safe = /^[=+\-@\t\r]/.test(text) && !/^-?\d/.test(text) ? `'${text}` : text;
  return /[",\n\r]/.test(safe) ? `"${safe.replaceAll('"', '""')}"` : safe;
};

export function saveCsv(name: string, rows: unknown[][]) {
  const link = document.createElement("a");
  link.href = URL.createObjectURL(new Blob([rows.map((row) => row.map(quoted).join(",")).join("\r\n")], { type: "text/csv" }));
  link.download = `${name}.csv`;
  link.click();
  setTimeout(() => URL.revokeObjectURL(link.href), 1000);
}

export const copyRows = (rows: unknown[][]) =>
  navigator.clipboard.writeText(rows.map((row) => row.map((cell) => String(cell ?? "").replaceAll("\t", " ")).join("\t")).join("\n"));
