// Signed tokens of identity providers: JWS in compact form (RFC 7515), keys as JWK (RFC 7517), claims of ID tokens (OpenID
// Connect Core 1.0, section 3.1.3.7).
#pragma once

#include <memory>

#include "base/json.h"

struct evp_pkey_st;

namespace penstock {

/// A token taken apart. Nothing of it is to be believed yet.
struct Jwt {
  std::string algorithm;
  std::string key_id;  ///< empty: it names none
  json::object claims;
  std::string signed_part;
  std::string signature;
};

/// kUnauthenticated for anything that is no JWS of at most 64 KiB, or demands extensions.
Result<Jwt> parse_jwt(std::string_view text);

/// The public keys of a provider, as far as they can be used: RSA of 2048 to 8192 bits for RS256 and PS256, P-256 for
/// ES256. Other keys and algorithms do not exist here, `none` and those with shared secrets least of all.
class KeySet {
 public:
  static Result<KeySet> read(const json::value& jwks);

  std::size_t size() const { return keys_.size(); }
  /// kNotFound if no key is meant by the token, so that it is worth to ask for newer ones; kUnauthenticated if the
  /// signature is not by the key that is.
  Status check(const Jwt& token) const;

 private:
  struct Free {
    void operator()(evp_pkey_st* key) const;
  };
  struct Key {
    std::string id;
    std::string type;       // RSA or EC
    std::string algorithm;  // empty: any of its type
    std::unique_ptr<evp_pkey_st, Free> key;
  };

  std::vector<Key> keys_;
};

/// What an ID token must say.
struct Expected {
  std::string issuer;
  std::string audience;  ///< our client id
  Time now;
  Duration skew = seconds(60);  ///< by which the provider's clock may differ
};

/// Checks iss, aud, azp, exp, nbf, iat and sub. kUnauthenticated says which is wrong.
Status check_claims(const json::object& claims, const Expected& expected);

}  // namespace penstock
