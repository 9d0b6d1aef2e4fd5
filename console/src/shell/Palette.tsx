// Jump anywhere by a few letters: pages, sites, jobs, contracts, tenants, nodes by their full name.
import { useEffect, useMemo, useRef, useState } from "react";
import { useNavigate } from "react-router-dom";
import { useAll, useRead } from "../api/read";
import { may } from "../api/rights";
import { useSession } from "../api/session";
import type { Applied, Job, Overview } from "../api/types";
import { Icon } from "../design/Icon";
import { places } from "./places";
import { setTheme, useTheme } from "./theme";

interface Choice {
  name: string;
  kind: string;
  icon: string;
  go: () => void;
}

/** All letters in order; fewer gaps and an earlier start are better. */
function score(text: string, wanted: string): number {
  const found = text.toLowerCase().indexOf(wanted);
  if (found >= 0) return 1000 - found * 2 - text.length;
  let at = -1;
  let gaps = 0;
  for (const letter of wanted) {
    const next = text.toLowerCase().indexOf(letter, at + 1);
    if (next < 0) return -Infinity;
    gaps += next - at - 1;
    at = next;
  }
  return 300 - gaps * 3 - text.length;
}

export function Palette({ close }: { close: () => void }) {
  const { identity } = useSession();
  const navigate = useNavigate();
  const theme = useTheme();
  const [text, setText] = useState("");
  const [at, setAt] = useState(0);
  const dialog = useRef<HTMLDialogElement>(null);
  const estate = may(identity, "read-estate");
  const sites = useRead<Overview>("/v1/overview", {}, { enabled: estate });
  const jobs = useRead<{ items: Job[] }>("/v1/jobs", { limit: 1000 });
  const contracts = useAll<Applied<unknown>>("/v1/contracts");

  useEffect(() => {
    const shown = dialog.current;
    shown?.showModal();
    return () => shown?.close();
  }, []);

  const choices = useMemo(() => {
    const go = (to: string) => () => {
      navigate(to);
      close();
    };
    const out: Choice[] = places(identity).flatMap(({ items }) => items.map((item) => ({ name: item.name, kind: "page", icon: item.icon, go: go(item.to) })));
    out.push({ name: theme === "dark" ? "Light theme" : "Dark theme", kind: "setting", icon: theme === "dark" ? "sun" : "moon", go: () => { setTheme(theme === "dark" ? "light" : "dark"); close(); } });
    for (const { site } of sites.data?.sites ?? []) {
      out.push({ name: site, kind: "site", icon: "site", go: go(`/sites/${site}`) });
      out.push({ name: `${site} power`, kind: "one-line diagram", icon: "power", go: go(`/sites/${site}/power`) });
    }
    for (const { metadata } of contracts.data ?? []) out.push({ name: metadata.name, kind: "contract", icon: "contract", go: go(`/contracts/${metadata.name}`) });
    for (const { metadata, status } of jobs.data?.items ?? []) out.push({ name: metadata.name, kind: `job, ${status.phase}`, icon: "jobs", go: go(`/jobs/${metadata.name}`) });
    // A full name leads there, listed or not.
    const parts = text.trim().split("/");
    if (parts.every(Boolean) && parts.length === 3) out.push({ name: text.trim(), kind: "job by name", icon: "jobs", go: go(`/jobs/${text.trim()}`) });
    if (estate && parts.every(Boolean) && parts.length === 3) out.push({ name: text.trim(), kind: "rack by name", icon: "fleet", go: go(`/racks/${text.trim()}`) });
    if (estate && parts.every(Boolean) && parts.length === 4) out.push({ name: text.trim(), kind: "node by name", icon: "fleet", go: go(`/nodes/${text.trim()}`) });
    const wanted = text.trim().toLowerCase();
    if (!wanted) return out.slice(0, 40);
    return out.map((choice) => [score(choice.name, wanted), choice] as const).filter(([points]) => points > -Infinity).sort(([a], [b]) => b - a).slice(0, 40).map(([, choice]) => choice);
  }, [text, identity, sites.data, jobs.data, contracts.data, theme, estate, navigate, close]);

  const chosen = Math.min(at, choices.length - 1);
  useEffect(() => {
    dialog.current?.querySelector(`[data-choice="${chosen}"]`)?.scrollIntoView({ block: "nearest" });
  }, [chosen]);

  return (
    <dialog className="palette" ref={dialog} aria-label="Search or jump to" onCancel={(event) => { event.preventDefault(); close(); }} onClick={(event) => event.target === dialog.current && close()}>
      <input autoFocus role="combobox" aria-expanded="true" aria-controls="choices" aria-activedescendant={choices.length ? `choice-${chosen}` : undefined} aria-label="Search or jump to"
        placeholder="A page, site, job, contract, or the full name of a node" value={text}
        onChange={(event) => { setText(event.target.value); setAt(0); }}
        onKeyDown={(event) => {
          if (event.key === "ArrowDown") setAt((chosen + 1) % choices.length);
          else if (event.key === "ArrowUp") setAt((chosen + choices.length - 1) % choices.length);
          else if (event.key === "Enter") choices[chosen]?.go();
          else return;
          event.preventDefault();
        }} />
      <ul id="choices" role="listbox" aria-label="Results">
        {choices.map((choice, i) => (
          <li key={choice.kind + choice.name} id={`choice-${i}`} data-choice={i} role="option" aria-selected={i === chosen} onMouseMove={() => setAt(i)} onClick={choice.go}>
            <Icon name={choice.icon} /><span className="clip">{choice.name}</span><span className="kind">{choice.kind}</span>
          </li>
        ))}
        {choices.length === 0 && <li role="option" aria-selected="false" className="faint">Nothing is called like that.</li>}
      </ul>
      <div className="keys"><span><kbd>↑</kbd> <kbd>↓</kbd> choose</span><span><kbd>Enter</kbd> go</span><span><kbd>Esc</kbd> close</span></div>
    </dialog>
  );
}
