// Signed in or not; the frame around every page; which address shows which page.
import type { QueryClient } from "@tanstack/react-query";
import { lazy, Suspense, useEffect, useState } from "react";
import { Navigate, Route, Routes } from "react-router-dom";
import { Refused } from "../api/client";
import { get } from "../api/client";
import { startLive } from "../api/live";
import { may } from "../api/rights";
import { identified, useSession } from "../api/session";
import type { Schemas } from "../api/types";
import { Empty, Problem, Skeleton } from "../design/parts";
import { Shell } from "./Shell";
import { SignIn } from "./SignIn";

const Overview = lazy(() => import("../pages/overview/Overview"));
const Tenant = lazy(() => import("../pages/overview/Tenant"));
const Sites = lazy(() => import("../pages/site/Sites"));
const Site = lazy(() => import("../pages/site/Site"));
const Rack = lazy(() => import("../pages/site/Rack"));
const NodePage = lazy(() => import("../pages/site/NodePage"));
const Jobs = lazy(() => import("../pages/jobs/Jobs"));
const JobPage = lazy(() => import("../pages/jobs/JobPage"));
const Submit = lazy(() => import("../pages/jobs/Submit"));
const Fleet = lazy(() => import("../pages/fleet/Fleet"));
const Capacity = lazy(() => import("../pages/sales/Capacity"));
const Contracts = lazy(() => import("../pages/sales/Contracts"));
const Contract = lazy(() => import("../pages/sales/Contract"));
const Quote = lazy(() => import("../pages/sales/Quote"));
const Invoices = lazy(() => import("../pages/accounts/Invoices"));
const Invoice = lazy(() => import("../pages/accounts/Invoice"));
const Usage = lazy(() => import("../pages/accounts/Usage"));
const Audit = lazy(() => import("../pages/accounts/Audit"));
const Apply = lazy(() => import("../pages/estate/Apply"));

function Nothing() {
  return <div className="page"><Empty title="There is nothing at this address">Press <kbd>Ctrl</kbd> <kbd>K</kbd> to find what you look for.</Empty></div>;
}

export function App({ client }: { client: QueryClient }) {
  const { token, identity } = useSession();
  const [failed, setFailed] = useState<unknown>(null);
  const [tries, setTries] = useState(0);

  useEffect(() => {
    if (!token || identity) return;
    get<Schemas["Identity"]>("/v1/whoami").then(identified, (error) => {
      if (!(error instanceof Refused && error.problem.status === 401)) setFailed(error);
    });
  }, [token, identity, tries]);

  useEffect(() => {
    if (!token || !identity) return;
    const stop = startLive(client);
    return () => {
      stop();
      client.clear(); // nothing of one session is shown to the next
    };
  }, [client, token, identity?.tokenId]);

  if (!token) return <SignIn />;
  if (!identity) {
    return failed ? <div className="sign-in"><Problem error={failed} retry={() => { setFailed(null); setTries(tries + 1); }} /></div> : null;
  }
  const estate = may(identity, "read-estate");
  const accounts = may(identity, "read-accounts");
  return (
    <Shell>
      <Suspense fallback={<div className="page"><Skeleton height={28} width={240} /></div>}>
        <Routes>
          <Route index element={estate ? <Overview /> : <Tenant />} />
          <Route path="login" element={<Navigate to="/" replace />} />
          <Route path="jobs" element={<Jobs />} />
          <Route path="jobs/:tenant/:project/:job" element={<JobPage />} />
          {may(identity, "write-jobs") && <Route path="submit" element={<Submit />} />}
          <Route path="contracts" element={<Contracts />} />
          <Route path="contracts/:tenant/:contract" element={<Contract />} />
          <Route path="usage" element={<Usage />} />
          {accounts && <Route path="invoices" element={<Invoices />} />}
          {accounts && <Route path="invoices/:invoice" element={<Invoice />} />}
          {may(identity, "read-access") && <Route path="audit" element={<Audit />} />}
          {estate && (
            <>
              <Route path="sites" element={<Sites />} />
              <Route path="sites/:site/:tab?" element={<Site />} />
              <Route path="racks/:site/:hall/:rack" element={<Rack />} />
              <Route path="nodes/:site/:hall/:rack/:node" element={<NodePage />} />
              <Route path="fleet" element={<Fleet />} />
              <Route path="capacity" element={<Capacity />} />
              <Route path="quote" element={<Quote />} />
            </>
          )}
          {may(identity, "write-objects") && <Route path="apply" element={<Apply />} />}
          <Route path="*" element={<Nothing />} />
        </Routes>
      </Suspense>
    </Shell>
  );
}
