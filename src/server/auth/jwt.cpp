// JWS and JWK over OpenSSL's EVP.
#include "server/auth/jwt.h"

#include <algorithm>

#include <openssl/core_names.h>
#include <openssl/ec.h>
#include <openssl/evp.h>
#include <openssl/param_build.h>
#include <openssl/rsa.h>
#include <sodium.h>

#include "client/identity_provider.h"

namespace penstock {
namespace {

constexpr std::size_t kMostBytes = 64 << 10;
constexpr int kLeastRsaBits = 2048;
constexpr int kMostRsaBits = 8192;  // beyond, one signature costs a CPU for long
constexpr std::size_t kCoordinate = 32;  // bytes of each half of a P-256 point or signature
constexpr std::size_t kMostSubject = 255;

Error refused(std::string why) { return make_error(Code::kUnauthenticated, "the ID token is refused: " + std::move(why), "idToken"); }

// Base64url without padding (RFC 7515, section 2), strictly.
std::optional<std::string> decoded(std::string_view text) {
  std::string out(text.size() / 4 * 3 + 3, '\0');
  std::size_t size = 0;
  const char* end = nullptr;
  if (sodium_base642bin(reinterpret_cast<unsigned char*>(out.data()), out.size(), text.data(), text.size(), nullptr, &size, &end,
                        sodium_base64_VARIANT_URLSAFE_NO_PADDING) != 0 ||
      end != text.data() + text.size()) {
    return std::nullopt;
  }
  out.resize(size);
  return out;
}

std::optional<json::object> decoded_object(std::string_view text) {
  const auto bytes = decoded(text);
  if (!bytes) return std::nullopt;
  auto value = parse_json(*bytes, 16);
  if (!value.ok() || !value->is_object()) return std::nullopt;
  return std::move(value->as_object());
}

template <auto kFree>
struct Freed {
  template <class T>
  void operator()(T* owned) const {
    kFree(owned);
  }
};
template <class T, auto kFree>
using Owned = std::unique_ptr<T, Freed<kFree>>;
using Number = Owned<BIGNUM, BN_free>;

const unsigned char* bytes_of(std::string_view text) { return reinterpret_cast<const unsigned char*>(text.data()); }

Number number_of(std::string_view bytes) { return Number(BN_bin2bn(bytes_of(bytes), static_cast<int>(bytes.size()), nullptr)); }

EVP_PKEY* make_key(const char* type, OSSL_PARAM_BLD* builder) {
  const Owned<OSSL_PARAM, OSSL_PARAM_free> params(OSSL_PARAM_BLD_to_param(builder));
  const Owned<EVP_PKEY_CTX, EVP_PKEY_CTX_free> context(EVP_PKEY_CTX_new_from_name(nullptr, type, nullptr));
  EVP_PKEY* key = nullptr;
  if (!params || !context || EVP_PKEY_fromdata_init(context.get()) <= 0) return nullptr;
  return EVP_PKEY_fromdata(context.get(), &key, EVP_PKEY_PUBLIC_KEY, params.get()) > 0 ? key : nullptr;
}

// Null for keys that cannot be used here.
EVP_PKEY* key_of(const json::object& jwk) {
  const std::string type = text_in(jwk, "kty");
  const Owned<OSSL_PARAM_BLD, OSSL_PARAM_BLD_free> builder(OSSL_PARAM_BLD_new());
  if (type == "RSA") {
    const auto modulus = decoded(text_in(jwk, "n")), exponent = decoded(text_in(jwk, "e"));
    if (!modulus || !exponent || exponent->empty() || exponent->size() > 8) return nullptr;
    const Number n = number_of(*modulus), e = number_of(*exponent);
    if (BN_num_bits(n.get()) < kLeastRsaBits || BN_num_bits(n.get()) > kMostRsaBits) return nullptr;
    OSSL_PARAM_BLD_push_BN(builder.get(), OSSL_PKEY_PARAM_RSA_N, n.get());
    OSSL_PARAM_BLD_push_BN(builder.get(), OSSL_PKEY_PARAM_RSA_E, e.get());
    return make_key("RSA", builder.get());
  }
  if (type != "EC" || text_in(jwk, "crv") != "P-256") return nullptr;
  const auto x = decoded(text_in(jwk, "x")), y = decoded(text_in(jwk, "y"));
  if (!x || !y || x->size() != kCoordinate || y->size() != kCoordinate) return nullptr;
  const std::string point = "\x04" + *x + *y;  // uncompressed
  OSSL_PARAM_BLD_push_utf8_string(builder.get(), OSSL_PKEY_PARAM_GROUP_NAME, "prime256v1", 0);
  OSSL_PARAM_BLD_push_octet_string(builder.get(), OSSL_PKEY_PARAM_PUB_KEY, point.data(), point.size());
  return make_key("EC", builder.get());
}

// A JWS holds the two halves of an ECDSA signature; OpenSSL wants them as ASN.1.
std::string ecdsa_asn1(std::string_view halves) {
  if (halves.size() != 2 * kCoordinate) return {};
  const Owned<ECDSA_SIG, ECDSA_SIG_free> signature(ECDSA_SIG_new());
  ECDSA_SIG_set0(signature.get(), number_of(halves.substr(0, kCoordinate)).release(), number_of(halves.substr(kCoordinate)).release());
  unsigned char* der = nullptr;
  const int size = i2d_ECDSA_SIG(signature.get(), &der);
  std::string out(reinterpret_cast<char*>(der), size > 0 ? static_cast<std::size_t>(size) : 0);
  OPENSSL_free(der);
  return out;
}

bool verifies(EVP_PKEY* key, const Jwt& token) {
  const Owned<EVP_MD_CTX, EVP_MD_CTX_free> context(EVP_MD_CTX_new());
  EVP_PKEY_CTX* settings = nullptr;
  if (EVP_DigestVerifyInit(context.get(), &settings, EVP_sha256(), nullptr, key) <= 0) return false;
  if (token.algorithm == "PS256" && (EVP_PKEY_CTX_set_rsa_padding(settings, RSA_PKCS1_PSS_PADDING) <= 0 ||
                                     EVP_PKEY_CTX_set_rsa_pss_saltlen(settings, RSA_PSS_SALTLEN_DIGEST) <= 0)) {
    return false;
  }
  const std::string signature = token.algorithm == "ES256" ? ecdsa_asn1(token.signature) : token.signature;
  return EVP_DigestVerify(context.get(), bytes_of(signature), signature.size(), bytes_of(token.signed_part), token.signed_part.size()) == 1;
}

// Seconds since 1970; they may have fractions.
std::optional<double> date_in(const json::object& claims, std::string_view name) {
  const json::value* found = claims.if_contains(name);
  if (found == nullptr || !found->is_number()) return std::nullopt;
  return found->to_number<double>();
}

}  // namespace

void KeySet::Free::operator()(evp_pkey_st* key) const { EVP_PKEY_free(key); }

Result<Jwt> parse_jwt(std::string_view text) {
  if (text.size() > kMostBytes) return refused("it is larger than 64 KiB");
  const std::size_t first = text.find('.');
  const std::size_t second = first == std::string_view::npos ? first : text.find('.', first + 1);
  if (second == std::string_view::npos || text.find('.', second + 1) != std::string_view::npos) return refused("it is no signed JWT");
  auto header = decoded_object(text.substr(0, first));
  auto claims = decoded_object(text.substr(first + 1, second - first - 1));
  auto signature = decoded(text.substr(second + 1));
  if (!header || !claims || !signature) return refused("it is no signed JWT");
  if (header->contains("crit")) return refused("it demands extensions that are not known here");
  return Jwt{text_in(*header, "alg"), text_in(*header, "kid"), std::move(*claims), std::string(text.substr(0, second)), std::move(*signature)};
}

Result<KeySet> KeySet::read(const json::value& jwks) {
  const json::object* object = jwks.if_object();
  const json::value* keys = object == nullptr ? nullptr : object->if_contains("keys");
  if (keys == nullptr || !keys->is_array()) return make_error(Code::kUnavailable, "the identity provider's keys are no JWK set");
  KeySet set;
  for (const json::value& entry : keys->get_array()) {
    const json::object* jwk = entry.if_object();
    if (jwk == nullptr || (jwk->contains("use") && text_in(*jwk, "use") != "sig")) continue;
    std::unique_ptr<EVP_PKEY, Free> key(key_of(*jwk));
    if (key) set.keys_.push_back({text_in(*jwk, "kid"), text_in(*jwk, "kty"), text_in(*jwk, "alg"), std::move(key)});
  }
  return set;
}

Status KeySet::check(const Jwt& token) const {
  const std::string type = token.algorithm == "RS256" || token.algorithm == "PS256" ? "RSA" : token.algorithm == "ES256" ? "EC" : "";
  if (type.empty()) return refused(fmt::format("it is signed by '{}'; RS256, PS256 and ES256 are accepted", token.algorithm));
  const Key* meant = nullptr;
  for (const Key& key : keys_) {
    const bool fits = key.type == type && (key.algorithm.empty() || key.algorithm == token.algorithm);
    if (!fits || (!token.key_id.empty() && key.id != token.key_id)) continue;
    if (meant != nullptr) return refused("it does not say which of several keys signed it");
    meant = &key;
  }
  if (meant == nullptr) return make_error(Code::kNotFound, fmt::format("the identity provider has no key '{}' for {}", token.key_id, token.algorithm), "idToken");
  return verifies(meant->key.get(), token) ? ok_status() : Status(refused("its signature is wrong"));
}

Status check_claims(const json::object& claims, const Expected& expected) {
  if (text_in(claims, "iss") != expected.issuer) return refused(fmt::format("its issuer is '{}', not '{}'", text_in(claims, "iss"), expected.issuer));
  std::vector<std::string> audiences;
  const json::value* audience = claims.if_contains("aud");
  if (audience != nullptr && audience->is_string()) audiences.push_back(text_in(claims, "aud"));
  if (audience != nullptr && audience->is_array()) {
    for (const json::value& one : audience->get_array()) audiences.push_back(one.is_string() ? std::string(std::string_view(one.get_string())) : std::string());
  }
  if (std::find(audiences.begin(), audiences.end(), expected.audience) == audiences.end()) return refused("it is meant for others: its audience is not us");
  const bool has_party = claims.contains("azp");
  if (audiences.size() > 1 && !has_party) return refused("it is for several and does not say who asked for it");
  if (has_party && text_in(claims, "azp") != expected.audience) return refused("another asked for it: azp is not us");

  const double now = static_cast<double>(expected.now.ns) / 1e9;
  const double skew = static_cast<double>(expected.skew.count()) / 1e9;
  const auto expires = date_in(claims, "exp"), issued = date_in(claims, "iat"), from = date_in(claims, "nbf");
  if (!expires || !(now < *expires + skew)) return refused("it has expired");
  if (!issued || !(*issued <= now + skew)) return refused("it was issued in the future, or does not say when");
  if (claims.contains("nbf") && (!from || !(*from <= now + skew))) return refused("it is not valid yet");
  const std::string subject = text_in(claims, "sub");
  if (subject.empty() || subject.size() > kMostSubject) return refused("it does not say who logged in");
  return ok_status();
}

}  // namespace penstock
