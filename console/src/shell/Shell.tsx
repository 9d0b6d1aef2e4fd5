// The frame: where one can go, where one is, and whether what is shown is of now.
import { useEffect, useState, type ReactNode } from "react";
import { Link, NavLink, useLocation } from "react-router-dom";
import { write } from "../api/client";
import { useLive } from "../api/live";
import { roleNames } from "../api/rights";
import { signedOut, useSession } from "../api/session";
import { Icon } from "../design/Icon";
import { clock } from "../lib/time";
import { count } from "../lib/units";
import { Palette } from "./Palette";
import { places } from "./places";
import { setTheme, useTheme } from "./theme";

function Crumbs() {
  const { pathname } = useLocation();
  const parts = pathname.split("/").filter(Boolean).map(decodeURIComponent);
  const names: Record<string, string> = { jobs: "Workloads", submit: "Submit", sites: "Sites", racks: "Sites", nodes: "Sites", quote: "Quote", usage: "Usage and budgets" };
  const trail: [string, string][] = [["Overview", "/"]];
  if (parts[0]) {
    const [kind, ...rest] = parts;
    const stands = kind === "racks" || kind === "nodes";
    trail.push([names[kind] ?? kind[0].toUpperCase() + kind.slice(1), stands ? "/sites" : `/${kind}`]);
    if (stands) {
      trail.push([rest[0], `/sites/${rest[0]}`]);
      if (rest.length > 2) trail.push([`${rest[1]}/${rest[2]}`, `/racks/${rest.slice(0, 3).join("/")}`]);
      if (rest[3]) trail.push([rest[3], pathname]);
    } else if (kind === "sites" && rest.length) {
      trail.push([rest[0], `/sites/${rest[0]}`]);
      if (rest[1]) trail.push([rest[1], pathname]);
    } else if (rest.length) {
      trail.push([rest.join("/"), pathname]);
    }
  }
  const last = trail[trail.length - 1][0];
  useEffect(() => {
    document.title = last === "Overview" ? "Penstock" : `${last} – Penstock`;
  }, [last]);
  return (
    <nav className="crumbs" aria-label="Breadcrumb">
      {trail.map(([name, to], i) => (
        <span key={to + i} className="row" style={{ gap: 6 }}>
          {i > 0 && <span aria-hidden="true">/</span>}
          {i === trail.length - 1 ? <span aria-current="page">{name}</span> : <Link to={to}>{name}</Link>}
        </span>
      ))}
    </nav>
  );
}

function Live() {
  const live = useLive();
  if (live.state === "live") return <span className="live on" role="status" title="Position of the last event">Live · {count(live.position)}</span>;
  if (live.state === "lost") return <span className="live off" role="status">No connection</span>;
  return <span className="live" role="status">Connecting</span>;
}

function Cut() {
  const live = useLive();
  const [late, setLate] = useState(false);
  useEffect(() => {
    if (live.state !== "lost") return setLate(false);
    const timer = setTimeout(() => setLate(true), 1200); // a blink is not worth a line
    return () => clearTimeout(timer);
  }, [live.state]);
  if (!late) return null;
  return <div className="cut" role="alert"><b>The server does not answer.</b><span className="muted">What you see is of {live.heard ? `${clock(live.heard)} UTC` : "before"}. The watch goes on where it broke as soon as it is back.</span></div>;
}

export function Shell({ children }: { children: ReactNode }) {
  const { identity } = useSession();
  const theme = useTheme();
  const [finding, setFinding] = useState(false);
  const groups = places(identity);

  useEffect(() => {
    const keys = (event: KeyboardEvent) => {
      const typing = (event.target as HTMLElement).closest("input, textarea, select");
      if ((event.ctrlKey || event.metaKey) && event.key.toLowerCase() === "k") {
        event.preventDefault();
        setFinding(true);
      } else if (event.key === "/" && !typing) {
        const filter = document.querySelector<HTMLInputElement>("main [data-filter]");
        if (filter) {
          event.preventDefault();
          filter.focus();
        }
      }
    };
    addEventListener("keydown", keys);
    return () => removeEventListener("keydown", keys);
  }, []);

  const leave = () => {
    write("POST", "/v1/logout").catch(() => undefined);
    signedOut();
  };
  // A token that was typed in stays valid for other uses; only a session of a login is revoked.
  const out = identity?.principal && identity.expires ? leave : () => signedOut();

  return (
    <div className="shell">
      <nav aria-label="Main">
        <Link to="/" className="brand"><img src="/console/icon.svg" alt="" /><span>Penstock</span></Link>
        {groups.map(({ name, items }) => (
          <div key={name}>
            {name && <h3>{name}</h3>}
            {items.map((item) => (
              <NavLink key={item.to} to={item.to} end={item.to === "/"} className="item" title={item.name}><Icon name={item.icon} /><span>{item.name}</span></NavLink>
            ))}
          </div>
        ))}
        <div className="who"><b>{identity?.principal || identity?.name || identity?.tokenId}</b>{roleNames(identity)}</div>
      </nav>
      <div className="bar-top">
        <Crumbs />
        <Live />
        <button type="button" className="button jump" onClick={() => setFinding(true)} aria-label="Search or jump to"><span className="row" style={{ gap: 6 }}><Icon name="search" />Search or jump to</span><kbd>Ctrl K</kbd></button>
        <button type="button" className="button quiet icon" aria-label={theme === "dark" ? "Light theme" : "Dark theme"} title={theme === "dark" ? "Light theme" : "Dark theme"} onClick={() => setTheme(theme === "dark" ? "light" : "dark")}><Icon name={theme === "dark" ? "sun" : "moon"} /></button>
        <button type="button" className="button quiet icon" aria-label="Sign out" title="Sign out" onClick={out}><Icon name="out" /></button>
      </div>
      <main tabIndex={-1}>
        <Cut />
        {children}
      </main>
      {finding && <Palette close={() => setFinding(false)} />}
    </div>
  );
}
