// Applying documents: what would change is shown before anything does.
import { useState } from "react";
import { write } from "../../api/client";
import { Badge, Card, Empty, Head, Problem } from "../../design/parts";
import type { Schemas } from "../../api/types";

interface Source { file: string; text: string }
type Changes = Schemas["Changes"];

function Result({ changes, dry }: { changes: Changes; dry: boolean }) {
  const objects = changes.changes.filter(({ change }) => change !== "unchanged");
  return (
    <div className="stack">
      <Badge tone="ok">{dry ? "This would change" : "Applied"}</Badge>
      {objects.length === 0 && <Empty title="Nothing changes">All of it stands as it is written.</Empty>}
      <ul>{objects.slice(0, 200).map((one) => <li key={`${one.kind} ${one.name}`}><span className="tag">{one.change}</span> {one.kind} <b>{one.name}</b></li>)}</ul>
      {(changes.effects ?? []).length > 0 && <div><h3>Effects</h3><ul>{(changes.effects ?? []).slice(0, 100).map((text) => <li key={text}>{text}</li>)}</ul></div>}
      {(changes.warnings ?? []).length > 0 && <div><h3>Warnings</h3><ul>{(changes.warnings ?? []).slice(0, 50).map((one, i) => <li key={i}><Badge tone="warn">{[one.file, one.line].filter(Boolean).join(":")} {one.message}</Badge></li>)}</ul></div>}
    </div>
  );
}

export default function Apply() {
  const [files, setFiles] = useState<Source[]>([]);
  const [text, setText] = useState("");
  const [reason, setReason] = useState("");
  const [busy, setBusy] = useState(false);
  const [error, setError] = useState<unknown>(null);
  const [shown, setShown] = useState<{ changes: Changes; dry: boolean; of: string } | null>(null);
  const sources = [...files, ...(text.trim() ? [{ file: "typed.yaml", text }] : [])];
  const key = JSON.stringify(sources);

  const send = async (dryRun: boolean) => {
    setBusy(true);
    setError(null);
    try {
      const changes = await write<Changes>("POST", "/v1/apply", { sources, dryRun }, dryRun ? undefined : reason);
      setShown({ changes, dry: dryRun, of: key });
    } catch (failed) {
      setShown(null);
      setError(failed);
    }
    setBusy(false);
  };
  const choose = async (list: FileList | null) => setFiles(await Promise.all([...(list ?? [])].map(async (file) => ({ file: file.name, text: await file.text() }))));
  const looked = shown?.dry && shown.of === key;

  return (
    <div className="page">
      <Head title="Apply" sub="Sites, hardware, tenants, projects, contracts, restrictions, principals and grants: all or none" />
      <div className="halves">
        <Card title="Documents">
          <div className="stack">
            <label className="field"><span>Files of YAML, JSON, and the CSV series that they name</span><input className="input" style={{ padding: 3 }} type="file" multiple accept=".yaml,.yml,.json,.csv" onChange={(event) => void choose(event.target.files)} /></label>
            {files.length > 0 && <ul>{files.map((one) => <li key={one.file} className="muted">{one.file}, {one.text.split("\n").length} lines</li>)}</ul>}
            <label className="field"><span>Or as text</span><textarea className="input" rows={18} spellCheck={false} value={text} onChange={(event) => setText(event.target.value)} placeholder={"apiVersion: penstock/v1\nkind: Project\n…"} /></label>
            <label className="field"><span>Reason, for the audit log</span><input className="input" maxLength={500} value={reason} onChange={(event) => setReason(event.target.value)} placeholder="optional" /></label>
            <div className="row" style={{ justifyContent: "flex-end" }}>
              <button type="button" className="button" disabled={busy || sources.length === 0} onClick={() => void send(true)}>Show what would change</button>
              <button type="button" className="button primary" disabled={busy || !looked} title={looked ? "" : "Look at what would change first"} onClick={() => void send(false)}>Apply</button>
            </div>
          </div>
        </Card>
        <Card title="Changes">
          <div aria-live="polite">
            {error !== null ? <Problem error={error} /> : shown ? <Result changes={shown.changes} dry={shown.dry} /> : <Empty title="Nothing shown yet">Choose documents and look at what they would change.</Empty>}
          </div>
        </Card>
      </div>
    </div>
  );
}
