// Tokens: 256 random bits, of which only a BLAKE2b hash is kept.
#include "server/core/tokens.h"

#include <mutex>

#include <sodium.h>

namespace penstock {
namespace {

constexpr std::string_view kPrefix = "pst_";
constexpr std::size_t kIdBytes = 6;
constexpr std::size_t kSecretBytes = 32;

void sodium() {
  static const bool ready = sodium_init() >= 0;
  PENSTOCK_CHECK(ready);
}

std::string hex(const unsigned char* bytes, std::size_t count) {
  std::string text(count * 2 + 1, '\0');
  sodium_bin2hex(text.data(), text.size(), bytes, count);
  text.pop_back();
  return text;
}

std::string hash_of(std::string_view secret) {
  unsigned char digest[32];
  crypto_generichash(digest, sizeof digest, reinterpret_cast<const unsigned char*>(secret.data()), secret.size(), nullptr, 0);
  return hex(digest, sizeof digest);
}

Error refused() {
  return make_error(Code::kUnauthenticated, "this token is not known, or has expired or been revoked; see `penstock login`");
}

}  // namespace

NewToken make_token(Role role, std::string name, Time now) {
  sodium();
  unsigned char id[kIdBytes];
  unsigned char secret[kSecretBytes];
  randombytes_buf(id, sizeof id);
  randombytes_buf(secret, sizeof secret);
  const std::string secret_text = hex(secret, sizeof secret);
  sodium_memzero(secret, sizeof secret);
  NewToken token;
  token.record.id = hex(id, sizeof id);
  token.record.name = std::move(name);
  token.record.hash = hash_of(secret_text);
  token.record.role = role;
  token.record.created = now;
  token.text = std::string(kPrefix) + token.record.id + "_" + secret_text;
  return token;
}

void TokenTable::reset(const Facts& facts) {
  std::unique_lock lock(mutex_);
  tokens_.clear();
  token_of_node_.clear();
  for (const auto& [id, token] : facts.tokens) tokens_[id] = token;
  for (const auto& [name, node] : facts.nodes) token_of_node_[name] = node.token_id;
}

void TokenTable::take(const EventRecord& record) {
  if (const auto* issued = std::get_if<TokenIssued>(&record.event)) {
    std::unique_lock lock(mutex_);
    tokens_[issued->token.id] = issued->token;
  } else if (const auto* revoked = std::get_if<TokenRevoked>(&record.event)) {
    std::unique_lock lock(mutex_);
    tokens_.erase(revoked->id);
  } else if (const auto* registered = std::get_if<NodeRegistered>(&record.event)) {
    std::unique_lock lock(mutex_);
    std::string& present = token_of_node_[registered->hello.node];
    tokens_.erase(present);
    present = registered->token.id;
    tokens_[present] = registered->token;
  }
}

Result<Principal> TokenTable::check(std::string_view text, Time now) const {
  sodium();
  if (!text.starts_with(kPrefix) || text.size() != kPrefix.size() + kIdBytes * 2 + 1 + kSecretBytes * 2) return refused();
  const std::string id(text.substr(kPrefix.size(), kIdBytes * 2));
  const std::string hash = hash_of(text.substr(kPrefix.size() + kIdBytes * 2 + 1));
  std::shared_lock lock(mutex_);
  const auto found = tokens_.find(id);
  if (found == tokens_.end()) return refused();
  const TokenRecord& token = found->second;
  if (token.hash.size() != hash.size() || sodium_memcmp(token.hash.data(), hash.data(), hash.size()) != 0) return refused();
  if (token.expires && *token.expires <= now) return refused();
  return Principal{token.id, token.name, token.role, token.tenant, token.node};
}

}  // namespace penstock
