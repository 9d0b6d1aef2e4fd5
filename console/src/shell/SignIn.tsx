// Signing in: with a token, or at the identity provider.
import { useEffect, useState } from "react";
import { useLocation, useNavigate } from "react-router-dom";
import { ask, Refused } from "../api/client";
import { leaveForProvider, returnFromProvider } from "../api/oidc";
import { signIn, useSession } from "../api/session";
import type { Schemas } from "../api/types";
import { Problem } from "../design/parts";

export function SignIn() {
  const { ended } = useSession();
  const location = useLocation();
  const navigate = useNavigate();
  const [token, setToken] = useState("");
  const [busy, setBusy] = useState(false);
  const [error, setError] = useState<unknown>(null);
  const [provider, setProvider] = useState<Schemas["LoginInfo"] | null>(null);

  const enter = async (text: string) => signIn(text, await ask<Schemas["Identity"]>("GET", "/v1/whoami", undefined, text));

  useEffect(() => {
    document.title = "Sign in – Penstock";
    ask<Schemas["LoginInfo"]>("GET", "/v1/login", undefined, null).then(setProvider, () => setProvider(null));
    const search = new URLSearchParams(location.search);
    if (location.pathname !== "/login" || !search.has("state")) return;
    setBusy(true);
    returnFromProvider(search)
      .then(async ({ token: given, back }) => {
        navigate(back, { replace: true });
        await enter(given);
      })
      .catch((failed) => {
        navigate("/", { replace: true });
        setError(failed);
      })
      .finally(() => setBusy(false));
    // Once, as the page is opened.
  }, []);

  const submit = async (event: React.FormEvent) => {
    event.preventDefault();
    setBusy(true);
    setError(null);
    await enter(token.trim()).catch(setError);
    setBusy(false);
  };
  const wrong = error instanceof Refused && error.problem.status === 401;

  return (
    <main className="sign-in">
      <form onSubmit={submit}>
        <div className="brand"><img src="/console/icon.svg" alt="" />Penstock</div>
        {ended && !error && <div className="notice warn" role="alert"><div className="what"><b>You were signed out</b><p>{ended}</p></div></div>}
        {error !== null && <Problem error={error} />}
        {provider && (
          <>
            <button type="button" className="button primary" disabled={busy} onClick={() => leaveForProvider(provider, location.pathname + location.search).catch(setError)}>
              Sign in with {new URL(provider.issuer).host}
            </button>
            <span className="or">or</span>
          </>
        )}
        <label className="field">
          <span>Token</span>
          <input className="input mono" type="password" autoComplete="off" spellCheck={false} autoFocus required placeholder="pst_…" value={token} aria-invalid={wrong}
            onChange={(event) => setToken(event.target.value)} />
        </label>
        <button type="submit" className={`button${provider ? "" : " primary"}`} disabled={busy || !token.trim()}>Sign in</button>
        <p className="faint">Tokens come from <code>penstock token issue</code>; the first operator's lies in the server's state directory. It is kept in this tab only.</p>
      </form>
    </main>
  );
}
