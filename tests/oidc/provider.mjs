// An OpenID provider (oidc-provider) on a loopback port, whose logins the test confirms in the place of a person.
import { createServer } from 'node:http';
import Provider from 'oidc-provider';
import { SignJWT, exportJWK, generateKeyPair, importJWK } from 'jose';

const people = {
  alice: { preferred_username: 'alice@example.com', groups: ['acme-ml', 'everyone'] },
  mallory: { preferred_username: 'mallory@example.com', groups: ['strangers'] },
};

// A key to sign with, private part included.
export async function makeKey(alg, kid) {
  const { privateKey } = await generateKeyPair(alg, { extractable: true });
  return { ...(await exportJWK(privateKey)), alg, kid, use: 'sig' };
}

// Starts the provider on `port` (0: any) with these keys, of which it signs with the first.
export async function startProvider(port, keys) {
  const server = createServer((request, response) => handle(request, response));
  let handle;
  await new Promise((listening) => server.listen(port, '127.0.0.1', listening));
  const issuer = `http://127.0.0.1:${server.address().port}`;
  const client = (client_id) => ({
    client_id,
    token_endpoint_auth_method: 'none',
    grant_types: ['urn:ietf:params:oauth:grant-type:device_code'],
    redirect_uris: [],
    response_types: [],
    id_token_signed_response_alg: keys[0].alg,
  });
  const provider = new Provider(issuer, {
    clients: [client('penstock'), client('other')],
    jwks: { keys },
    features: { deviceFlow: { enabled: true }, devInteractions: { enabled: false } },
    claims: { openid: ['sub'], profile: ['preferred_username', 'groups'] },
    conformIdTokenClaims: false,
    cookies: { keys: ['not a secret: nobody has a cookie here'] },
    findAccount: (_, id) => ({ accountId: id, claims: () => ({ sub: id, ...people[id] }) }),
  });
  handle = provider.callback();

  // Where the code of a device would be found by the person who typed it in.
  const find = (user_code) => provider.DeviceCode.findByUserCode(user_code.replace(/[^A-Z0-9]/gi, '').toUpperCase());
  return {
    issuer,
    port: server.address().port,
    async confirm(user_code, accountId) {
      const code = await find(user_code);
      const { scope, client_id: clientId } = code.params;
      const grant = new provider.Grant({ accountId, clientId });
      grant.addOIDCScope(scope);
      Object.assign(code, { accountId, scope, grantId: await grant.save(), authTime: Math.floor(Date.now() / 1000) });
      await code.save();
    },
    async deny(user_code) {
      const code = await find(user_code);
      Object.assign(code, { error: 'access_denied', errorDescription: 'the person said no' });
      await code.save();
    },
    // What the provider would have signed at another time, or for another.
    async sign(claims, alg = keys[0].alg) {
      const now = Math.floor(Date.now() / 1000);
      const key = await importJWK(keys[0], alg);
      return new SignJWT({ iss: issuer, aud: 'penstock', sub: 'alice', iat: now, exp: now + 300, ...claims })
        .setProtectedHeader({ alg, kid: keys[0].kid }).sign(key);
    },
    async stop() {
      server.closeAllConnections();
      await new Promise((closed) => server.close(closed));
    },
  };
}
