// Tokens: 256 random bits, of which only a BLAKE2b hash is kept.
#include "server/core/tokens.h"

#include <algorithm>
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

NewToken make_token(std::optional<Role> role, std::string name, Time now) {
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

bool Principal::has(Right right) const {
  if (right == Right::kNone || right == Right::kAuthenticated) return true;
  return std::any_of(bindings.begin(), bindings.end(), [&](const Binding& binding) { return role_has(binding.role, right); });
}

bool Principal::may(Right right, std::string_view tenant_of_it, std::string_view project) const {
  return std::any_of(bindings.begin(), bindings.end(), [&](const Binding& binding) {
    return role_has(binding.role, right) && reaches(binding, tenant_of_it, project);
  });
}

void TokenTable::reset(const Facts& facts) {
  std::unique_lock lock(mutex_);
  tokens_.clear();
  token_of_node_.clear();
  for (const auto& [id, token] : facts.tokens) tokens_[id].record = token;
  for (const auto& [name, node] : facts.nodes) token_of_node_[name] = node.token_id;
  principals_ = facts.principals;
  grants_ = facts.grants;
  ++changes_;
}

void TokenTable::take(const EventRecord& record) {
  const auto put = [&]<class Spec>(ObjectMap<Spec>& map, const ObjectApplied& event) {
    auto spec = from_json<Spec>(event.spec);
    PENSTOCK_CHECK(spec.ok());  // the engine has read it already
    map[event.name].name = event.name;
    map[event.name].spec = std::move(*spec);
  };
  const bool of_access = std::visit([]<class E>(const E&) {
    return std::is_same_v<E, TokenIssued> || std::is_same_v<E, TokenRevoked> || std::is_same_v<E, NodeRegistered> || std::is_same_v<E, ObjectApplied> || std::is_same_v<E, ObjectDeleted>;
  }, record.event);
  if (!of_access) return;
  std::unique_lock lock(mutex_);
  if (const auto* issued = std::get_if<TokenIssued>(&record.event)) {
    tokens_[issued->token.id].record = issued->token;
  } else if (const auto* revoked = std::get_if<TokenRevoked>(&record.event)) {
    tokens_.erase(revoked->id);
  } else if (const auto* registered = std::get_if<NodeRegistered>(&record.event)) {
    std::string& present = token_of_node_[registered->hello.node];
    tokens_.erase(present);
    present = registered->token.id;
    tokens_[present].record = registered->token;
  } else if (const auto* applied = std::get_if<ObjectApplied>(&record.event)) {
    if (applied->kind == Kind::kPrincipal) put(principals_, *applied);
    if (applied->kind == Kind::kGrant) put(grants_, *applied);
  } else if (const auto* deleted = std::get_if<ObjectDeleted>(&record.event)) {
    if (deleted->kind == Kind::kPrincipal) principals_.erase(deleted->name);
    if (deleted->kind == Kind::kGrant) grants_.erase(deleted->name);
  }
  ++changes_;
}

Result<Principal> TokenTable::check(std::string_view text, Time now) const {
  sodium();
  if (!text.starts_with(kPrefix) || text.size() != kPrefix.size() + kIdBytes * 2 + 1 + kSecretBytes * 2) return refused();
  const std::string id(text.substr(kPrefix.size(), kIdBytes * 2));
  const std::string hash = hash_of(text.substr(kPrefix.size() + kIdBytes * 2 + 1));
  std::shared_lock lock(mutex_);
  const auto found = tokens_.find(id);
  if (found == tokens_.end()) return refused();
  const TokenRecord& token = found->second.record;
  if (token.hash.size() != hash.size() || sodium_memcmp(token.hash.data(), hash.data(), hash.size()) != 0) return refused();
  auto caller = principal_of(token, now);
  if (caller.ok()) found->second.used = now.ns;
  return caller;
}

Result<Principal> TokenTable::again(const Principal& caller, Time now) const {
  std::shared_lock lock(mutex_);
  const auto found = tokens_.find(caller.token_id);
  return found == tokens_.end() ? refused() : principal_of(found->second.record, now);
}

std::optional<Time> TokenTable::last_used(const std::string& id) const {
  std::shared_lock lock(mutex_);
  const auto found = tokens_.find(id);
  const std::int64_t used = found == tokens_.end() ? 0 : found->second.used.load();
  return used == 0 ? std::nullopt : std::optional(Time{used});
}

Result<Principal> TokenTable::principal_of(const TokenRecord& token, Time now) const {
  if (token.expires && *token.expires <= now) return refused();
  if (is_cut_off(token, principals_)) return refused();
  Principal caller;
  caller.token_id = token.id;
  caller.name = token.name;
  caller.principal = token.principal;
  caller.tenant = token.tenant.empty() ? std::string(scope_of(token.principal)) : token.tenant;
  caller.node = token.node;
  caller.bindings = bindings_of(token, principals_, grants_);
  caller.expires = token.expires;
  return caller;
}

}  // namespace penstock
