// Logging in: which ID tokens are believed, how keys are followed, and what a session may do.
#include <openssl/core_names.h>
#include <openssl/ec.h>
#include <openssl/evp.h>
#include <openssl/rsa.h>
#include <sodium.h>

#include <future>

#include "server/auth/oidc.h"
#include "stack.h"

namespace penstock {
namespace {

constexpr std::int64_t kNow = 1'780'000'000;
const std::string kIssuer = "https://id.example";

std::string encoded(std::string_view bytes) {
  std::string out(sodium_base64_encoded_len(bytes.size(), sodium_base64_VARIANT_URLSAFE_NO_PADDING), '\0');
  sodium_bin2base64(out.data(), out.size(), reinterpret_cast<const unsigned char*>(bytes.data()), bytes.size(), sodium_base64_VARIANT_URLSAFE_NO_PADDING);
  out.pop_back();
  return out;
}

std::string number_in(EVP_PKEY* key, const char* name) {
  BIGNUM* number = nullptr;
  PENSTOCK_CHECK(EVP_PKEY_get_bn_param(key, name, &number) == 1);
  std::string bytes(static_cast<std::size_t>(BN_num_bytes(number)), '\0');
  BN_bn2bin(number, reinterpret_cast<unsigned char*>(bytes.data()));
  BN_free(number);
  return bytes;
}

/// A provider's key pair.
class Signer {
 public:
  Signer(std::string kid, std::string algorithm, unsigned bits = 2048)
      : kid_(std::move(kid)), algorithm_(std::move(algorithm)), key_(algorithm_ == "ES256" ? EVP_EC_gen("P-256") : EVP_RSA_gen(bits)) {}
  ~Signer() { EVP_PKEY_free(key_); }
  Signer(const Signer&) = delete;
  Signer& operator=(const Signer&) = delete;

  json::object jwk() const {
    if (algorithm_ != "ES256") {
      return {{"kty", "RSA"}, {"kid", kid_}, {"use", "sig"}, {"n", encoded(number_in(key_, OSSL_PKEY_PARAM_RSA_N))}, {"e", encoded(number_in(key_, OSSL_PKEY_PARAM_RSA_E))}};
    }
    unsigned char point[65];
    std::size_t size = 0;
    PENSTOCK_CHECK(EVP_PKEY_get_octet_string_param(key_, OSSL_PKEY_PARAM_PUB_KEY, point, sizeof point, &size) == 1 && size == sizeof point);
    const std::string_view halves(reinterpret_cast<char*>(point) + 1, 64);
    return {{"kty", "EC"}, {"crv", "P-256"}, {"kid", kid_}, {"alg", "ES256"}, {"x", encoded(halves.substr(0, 32))}, {"y", encoded(halves.substr(32))}};
  }

  std::string sign(const json::object& claims, json::object header = {}) const {
    if (!header.contains("alg")) header["alg"] = algorithm_;
    if (!header.contains("kid")) header["kid"] = kid_;
    const std::string text = encoded(json::serialize(header)) + "." + encoded(json::serialize(claims));
    EVP_MD_CTX* context = EVP_MD_CTX_new();
    EVP_PKEY_CTX* settings = nullptr;
    PENSTOCK_CHECK(EVP_DigestSignInit(context, &settings, EVP_sha256(), nullptr, key_) == 1);
    if (algorithm_ == "PS256") EVP_PKEY_CTX_set_rsa_padding(settings, RSA_PKCS1_PSS_PADDING);
    if (algorithm_ == "PS256") EVP_PKEY_CTX_set_rsa_pss_saltlen(settings, RSA_PSS_SALTLEN_DIGEST);
    std::string signature(1024, '\0');
    std::size_t size = signature.size();
    PENSTOCK_CHECK(EVP_DigestSign(context, reinterpret_cast<unsigned char*>(signature.data()), &size, reinterpret_cast<const unsigned char*>(text.data()), text.size()) == 1);
    EVP_MD_CTX_free(context);
    signature.resize(size);
    if (algorithm_ == "ES256") {
      const auto* der = reinterpret_cast<const unsigned char*>(signature.data());
      ECDSA_SIG* parts = d2i_ECDSA_SIG(nullptr, &der, static_cast<long>(size));
      unsigned char halves[64];
      BN_bn2binpad(ECDSA_SIG_get0_r(parts), halves, 32);
      BN_bn2binpad(ECDSA_SIG_get0_s(parts), halves + 32, 32);
      ECDSA_SIG_free(parts);
      signature.assign(reinterpret_cast<char*>(halves), sizeof halves);
    }
    return text + "." + encoded(signature);
  }

 private:
  std::string kid_, algorithm_;
  EVP_PKEY* key_;
};

json::object claims(const json::object& changes = {}) {
  json::object out{{"iss", kIssuer}, {"aud", "penstock"}, {"sub", "s-ann"}, {"preferred_username", "ann@example"}, {"iat", kNow}, {"exp", kNow + 300}};
  for (const auto& change : changes) {
    if (change.value().is_null()) {
      out.erase(change.key());
    } else {
      out[change.key()] = change.value();
    }
  }
  return out;
}

/// A provider that is asked over no network, and the clock.
struct Provider {
  json::array keys;
  std::string issuer = kIssuer;
  std::atomic<std::int64_t> clock{kNow * 1'000'000'000};
  std::atomic<int> asked{0};
  std::atomic<bool> down{false};

  Result<json::value> answer(const std::string& url) {
    if (down) return make_error(Code::kUnavailable, "no answer");
    if (url == kIssuer + "/.well-known/openid-configuration") {
      return json::value{{"issuer", issuer}, {"jwks_uri", kIssuer + "/keys"}, {"token_endpoint", kIssuer + "/token"}};
    }
    EXPECT_EQ(url, kIssuer + "/keys");
    ++asked;
    return json::value{{"keys", keys}};
  }

  std::unique_ptr<Oidc> oidc() {
    OidcOptions options;
    options.issuer = kIssuer;
    options.audience = "penstock";
    return std::make_unique<Oidc>(options, [this] { return Time{clock}; }, [this](const std::string& url) { return answer(url); });
  }
};

// What becomes of the token: `ok`, or the code and words of the refusal.
std::string verdict(Oidc& oidc, const std::string& token) {
  std::promise<Result<OidcClaims>> promise;
  oidc.verify(token, [&](Result<OidcClaims> result) { promise.set_value(std::move(result)); });
  const auto result = promise.get_future().get();
  return result.ok() ? "ok" : fmt::format("{}: {}", code_name(result.error().code), result.error().message);
}

TEST(IdTokens, AreBelievedIfTheProviderSignedThemForUsNow) {
  const Signer rsa("r", "RS256"), pss("p", "PS256"), ec("e", "ES256"), stranger("r", "RS256"), weak("w", "RS256", 1024);
  Provider provider;
  provider.keys = {rsa.jwk(), pss.jwk(), ec.jwk(), weak.jwk(), json::object{{"kty", "oct"}, {"kid", "shared"}, {"k", encoded("secret")}}, json::value("nonsense")};
  const auto oidc = provider.oidc();
  EXPECT_EQ(verdict(*oidc, rsa.sign(claims())), "ok");
  EXPECT_EQ(verdict(*oidc, pss.sign(claims())), "ok");
  EXPECT_EQ(verdict(*oidc, ec.sign(claims())), "ok");
  EXPECT_EQ(verdict(*oidc, rsa.sign(claims({{"aud", json::array{"penstock"}}}))), "ok");
  EXPECT_EQ(verdict(*oidc, rsa.sign(claims({{"aud", json::array{"other", "penstock"}}, {"azp", "penstock"}}))), "ok");
  EXPECT_EQ(verdict(*oidc, rsa.sign(claims({{"exp", kNow - 59}, {"iat", kNow + 59}, {"nbf", kNow + 59}}))), "ok") << "clocks differ";
  EXPECT_EQ(verdict(*oidc, rsa.sign(claims({{"exp", static_cast<double>(kNow) + 0.5}}))), "ok");

  struct Try {
    std::string token, why;
  };
  std::string flipped = rsa.sign(claims());
  flipped[flipped.size() - 10] = flipped[flipped.size() - 10] == 'A' ? 'B' : 'A';
  const std::string good = rsa.sign(claims());
  const std::string head = good.substr(0, good.find('.')), tail = good.substr(good.rfind('.'));
  const auto unsigned_by = [&](const json::object& header) { return encoded(json::serialize(header)) + "." + encoded(json::serialize(claims())) + "."; };
  // The classic: the public key of the provider as the secret of an HMAC.
  std::string hmac = encoded(R"({"alg":"HS256","kid":"r"})") + "." + encoded(json::serialize(claims()));
  hmac += "." + encoded(std::string(32, 'x'));
  for (const Try& t : std::vector<Try>{{"", "no signed JWT"},
                                       {"a.b", "no signed JWT"},
                                       {good + ".x", "no signed JWT"},
                                       {good + "=", "no signed JWT"},
                                       {std::string(70'000, 'a'), "larger than"},
                                       {unsigned_by({{"alg", "none"}}), "signed by 'none'"},
                                       {unsigned_by({{"alg", "None"}}), "signed by 'None'"},
                                       {unsigned_by({}), "signed by ''"},
                                       {hmac, "signed by 'HS256'"},
                                       {unsigned_by({{"alg", "RS256"}, {"kid", "r"}}), "signature is wrong"},
                                       {flipped, "signature is wrong"},
                                       {head + "." + encoded(json::serialize(claims({{"sub", "root"}}))) + tail, "signature is wrong"},
                                       {stranger.sign(claims()), "signature is wrong"},
                                       {rsa.sign(claims(), {{"kid", "p"}}), "signature is wrong"},
                                       {rsa.sign(claims(), {{"alg", "PS256"}}), "signature is wrong"},
                                       {rsa.sign(claims(), {{"alg", "ES256"}}), "no key 'r' for ES256"},
                                       {ec.sign(claims(), {{"alg", "RS256"}}), "no key 'e' for RS256"},
                                       {weak.sign(claims()), "no key 'w'"},
                                       {rsa.sign(claims(), {{"kid", ""}}), "which of several keys"},
                                       {rsa.sign(claims(), {{"crit", json::array{"exp"}}}), "extensions"},
                                       {rsa.sign(claims({{"iss", "https://id.example/"}})), "its issuer"},
                                       {rsa.sign(claims({{"iss", nullptr}})), "its issuer"},
                                       {rsa.sign(claims({{"aud", "other"}})), "audience"},
                                       {rsa.sign(claims({{"aud", nullptr}})), "audience"},
                                       {rsa.sign(claims({{"aud", json::array{"other"}}})), "audience"},
                                       {rsa.sign(claims({{"aud", json::array{"other", "penstock"}}})), "who asked for it"},
                                       {rsa.sign(claims({{"azp", "other"}})), "azp"},
                                       {rsa.sign(claims({{"exp", kNow - 60}})), "expired"},
                                       {rsa.sign(claims({{"exp", nullptr}})), "expired"},
                                       {rsa.sign(claims({{"exp", "never"}})), "expired"},
                                       {rsa.sign(claims({{"iat", kNow + 61}})), "in the future"},
                                       {rsa.sign(claims({{"iat", nullptr}})), "in the future"},
                                       {rsa.sign(claims({{"nbf", kNow + 61}})), "not valid yet"},
                                       {rsa.sign(claims({{"nbf", "soon"}})), "not valid yet"},
                                       {rsa.sign(claims({{"sub", ""}})), "who logged in"},
                                       {rsa.sign(claims({{"sub", nullptr}})), "who logged in"},
                                       {rsa.sign(claims({{"sub", std::string(256, 's')}})), "who logged in"}}) {
    const std::string said = verdict(*oidc, t.token);
    EXPECT_TRUE(said.starts_with("unauthenticated: ") && said.find(t.why) != std::string::npos) << t.why << ": " << said;
  }
}

TEST(ProviderKeys, AreFollowedAndNotAskedForWithoutEnd) {
  const Signer first("1", "RS256"), second("2", "ES256");
  Provider provider;
  provider.keys = {first.jwk()};
  const auto oidc = provider.oidc();
  EXPECT_EQ(provider.asked, 0);
  EXPECT_EQ(verdict(*oidc, first.sign(claims())), "ok");
  EXPECT_EQ(verdict(*oidc, first.sign(claims())), "ok");
  EXPECT_EQ(provider.asked, 1);
  provider.keys = {second.jwk()};
  for (int i = 0; i < 5; ++i) EXPECT_NE(verdict(*oidc, second.sign(claims())), "ok");
  EXPECT_EQ(provider.asked, 1) << "just asked";
  provider.clock += seconds(10).count();
  EXPECT_EQ(verdict(*oidc, second.sign(claims())), "ok");
  EXPECT_EQ(provider.asked, 2);
  EXPECT_NE(verdict(*oidc, first.sign(claims())), "ok") << "a key that the provider took back";
  provider.clock += seconds(11).count();
  EXPECT_NE(verdict(*oidc, first.sign(claims())), "ok");
  EXPECT_NE(verdict(*oidc, first.sign(claims())), "ok");
  EXPECT_EQ(provider.asked, 3);
  // Keys are not believed for ever.
  provider.clock += hours(1).count();
  provider.down = true;
  const json::object later{{"iat", kNow + 3'600}, {"exp", kNow + 9'000}};
  EXPECT_TRUE(verdict(*oidc, second.sign(claims(later))).starts_with("unavailable"));
  provider.down = false;
  EXPECT_TRUE(verdict(*oidc, second.sign(claims(later))).starts_with("unavailable")) << "just asked";
  provider.clock += seconds(10).count();
  EXPECT_EQ(verdict(*oidc, second.sign(claims(later))), "ok");
}

TEST(ProviderKeys, AreOfTheIssuerItself) {
  const Signer key("1", "RS256");
  Provider provider;
  provider.keys = {key.jwk()};
  provider.issuer = "https://evil.example";
  const auto oidc = provider.oidc();
  const std::string said = verdict(*oidc, key.sign(claims()));
  EXPECT_NE(said.find("names the issuer 'https://evil.example'"), std::string::npos) << said;
  EXPECT_EQ(provider.asked, 0);
  for (const std::string url : {"http://id.example/keys", "ftp://id.example/keys", "https://a@id.example/keys", "http://127.0.0.1.evil.example/", "http://[::1]@evil.example/", "keys"}) {
    const auto fetched = fetch_json(url, "");
    ASSERT_FALSE(fetched.ok()) << url;
    EXPECT_EQ(fetched.error().code, Code::kInvalid) << url;
  }
}

class Sessions : public testing::Test {
 protected:
  Sessions() : key_("k", "ES256") {
    provider_.keys = {key_.jwk()};
    provider_.clock = stack_.clock.load();
    oidc_ = provider_.oidc();
    stack_.api = std::make_unique<Api>(*stack_.core, stack_.metrics, "test", oidc_.get());
    apply("operator", "Principal", "acme/ann", "{type: user, subject: s-ann}");
    apply("operator", "Grant", "acme/ann", "{role: member, project: llm, principals: [ann]}");
    apply("operator", "Grant", "acme/ml", "{role: viewer, claims: [ml]}");
    apply("operator", "Grant", "rival/ml", "{role: viewer, claims: [rivals]}");
  }
  ~Sessions() override {
    stack_.core->stop();
    oidc_.reset();
  }

  void apply(const std::string& who, const std::string& kind, const std::string& name, const std::string& spec) {
    const std::string text = fmt::format("apiVersion: penstock/v1\nkind: {}\nmetadata: {{name: {}}}\nspec: {}\n", kind, name, spec);
    stack_.good(who, "POST", "/v1/apply", json::serialize(json::object{{"sources", json::array{json::object{{"file", "x"}, {"text", text}}}}}));
  }
  HttpResponse login(const json::object& changes) {
    return stack_.ask("", "POST", "/v1/login", json::serialize(json::object{{"idToken", key_.sign(claims(changes))}}));
  }
  std::string session(const json::object& changes) {
    const HttpResponse response = login(changes);
    EXPECT_EQ(response.status, 201) << response.body;
    auto body = from_json_text<LoggedIn>(response.body);
    return body.ok() ? body->token : std::string();
  }
  std::string grants(const std::string& token) { return json::serialize(stack_.good(token, "GET", "/v1/whoami").at("grants")); }

  Stack stack_;
  Signer key_;
  Provider provider_;
  std::unique_ptr<Oidc> oidc_;
};

constexpr const char* kMemberOfLlm = R"([{"role":"member","tenant":"acme","project":"llm"}])";

TEST_F(Sessions, HaveWhatIsGrantedToWhoLogsIn) {
  EXPECT_EQ(stack_.good("", "GET", "/v1/login").at("clientId"), "penstock");
  const std::string ann = session({});
  EXPECT_EQ(grants(ann), kMemberOfLlm);
  EXPECT_EQ(stack_.good(ann, "GET", "/v1/whoami").at("principal"), "acme/ann");
  EXPECT_EQ(grants(session({{"groups", json::array{"ml"}}})), R"([{"role":"member","tenant":"acme","project":"llm"},{"role":"viewer","tenant":"acme"}])");
  EXPECT_EQ(grants(session({{"sub", "s-bob"}, {"groups", "ml"}})), R"([{"role":"viewer","tenant":"acme"}])");
  const HttpResponse none = login({{"sub", "s-eve"}, {"groups", json::array{"ops", "everyone"}}});
  EXPECT_EQ(none.status, 403) << none.body;
  EXPECT_EQ(login({{"aud", "other"}}).status, 401);
  // It is worth no more than eight hours, and no more than its tenant's admin lets it be.
  stack_.wait(hours(8) - seconds(1));
  EXPECT_EQ(stack_.ask(ann, "GET", "/v1/whoami").status, 200);
  stack_.wait(seconds(1));
  EXPECT_EQ(stack_.ask(ann, "GET", "/v1/whoami").status, 401);
  provider_.clock = stack_.clock.load();
}

TEST_F(Sessions, FollowGrantsAndEndAtOnce) {
  const std::string ann = session({}), other = session({});
  const auto tokens = stack_.good("acme-admin", "GET", "/v1/tokens");
  std::string id;
  for (const json::value& token : tokens.at("items").as_array()) {
    const std::string one(token.at("id").as_string());
    if (token.as_object().contains("subject") && one == ann.substr(4, 12)) id = one;
    EXPECT_FALSE(token.as_object().contains("hash"));
  }
  EXPECT_EQ(id, ann.substr(4, 12)) << "a tenant's admin sees the sessions of its people";
  apply("acme-admin", "Grant", "acme/ann", "{role: viewer, project: llm, principals: [ann]}");
  EXPECT_EQ(grants(ann), R"([{"role":"viewer","tenant":"acme","project":"llm"}])");
  EXPECT_EQ(stack_.bad(ann, "POST", "/v1/jobs", job_body("acme/llm/x")), "403 forbidden");
  stack_.good("acme-admin", "DELETE", "/v1/tokens/" + id);
  EXPECT_EQ(stack_.ask(ann, "GET", "/v1/jobs").status, 401);
  EXPECT_EQ(stack_.ask(other, "GET", "/v1/jobs").status, 200);
  stack_.good(other, "POST", "/v1/logout");
  EXPECT_EQ(stack_.ask(other, "GET", "/v1/jobs").status, 401);
  const std::string third = session({});
  apply("acme-admin", "Principal", "acme/ann", "{type: user, subject: s-ann, suspended: true}");
  EXPECT_EQ(stack_.ask(third, "GET", "/v1/jobs").status, 401);
  EXPECT_EQ(login({{"groups", json::array{"ml"}}}).status, 403) << "a suspended user has no rights in the tenant, not by groups either";
}

// Who administers a tenant says who its principals are, and may name anyone's subject there.
TEST_F(Sessions, AreNotEndedOrWidenedByAnotherTenant) {
  apply("rival-admin", "Principal", "rival/ann", "{type: user, subject: s-ann, suspended: true}");
  const std::string ann = session({});
  EXPECT_EQ(grants(ann), kMemberOfLlm);
  stack_.good("rival-admin", "DELETE", "/v1/principals/rival/ann");
  EXPECT_EQ(grants(ann), kMemberOfLlm);
  apply("rival-admin", "Principal", "rival/ann", "{type: user, subject: s-ann}");
  apply("rival-admin", "Grant", "rival/ann", "{role: tenant-admin, principals: [ann]}");
  EXPECT_EQ(grants(ann), kMemberOfLlm) << "it logged in where it had rights in one tenant";
  EXPECT_EQ(grants(session({})), R"([{"role":"tenant-admin","tenant":"rival"},{"role":"member","tenant":"acme","project":"llm"}])");
}

}  // namespace
}  // namespace penstock
