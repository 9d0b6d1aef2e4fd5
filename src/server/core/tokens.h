// Making and checking bearer tokens. The secret leaves this file once, towards the one who asked for it.
#pragma once

#include <atomic>
#include <shared_mutex>
#include <unordered_map>

#include "engine/access/rights.h"
#include "engine/event.h"

namespace penstock {

/// Who is calling, and what that one may do.
struct Principal {
  std::string token_id;
  std::string name;       ///< of the token
  std::string principal;  ///< that it stands for; empty if it stands for itself
  std::string tenant;     ///< that the caller belongs to; empty: the provider
  std::string node;       ///< of a node's own token
  std::vector<Binding> bindings;
  std::optional<Time> expires;

  /// For the record: `token:ID`.
  std::string id() const { return "token:" + token_id; }
  /// Whether it has the right anywhere.
  bool has(Right right) const;
  /// Whether it has the right over what belongs to the tenant, and to the project of it: see reaches(Binding, …).
  bool may(Right right, std::string_view tenant_of_it, std::string_view project = {}) const;
};

/// A new token: the text `pst_ID_SECRET` for its holder, the record (with the hash) for the engine.
struct NewToken {
  std::string text;
  TokenRecord record;
};
NewToken make_token(std::optional<Role> role, std::string name, Time now);

/// All valid tokens and what is granted to whom, for the threads that read requests. Thread-safe.
class TokenTable {
 public:
  void reset(const Facts& facts);
  void take(const EventRecord& record);
  /// kUnauthenticated for anything but a token that is known, whole and not expired.
  Result<Principal> check(std::string_view text, Time now) const;
  /// The same caller a while later: kUnauthenticated once its token or its principal is gone.
  Result<Principal> again(const Principal& caller, Time now) const;
  /// When the token was last accepted since this server started; nothing if it was not.
  std::optional<Time> last_used(const std::string& id) const;
  /// Rises with every change of tokens, principals and grants.
  std::uint64_t changes() const { return changes_; }

 private:
  struct Entry {
    TokenRecord record;
    mutable std::atomic<std::int64_t> used{0};  // nanoseconds since 1970
  };

  Result<Principal> principal_of(const TokenRecord& token, Time now) const;

  mutable std::shared_mutex mutex_;
  std::unordered_map<std::string, Entry> tokens_;
  std::unordered_map<std::string, std::string> token_of_node_;
  ObjectMap<PrincipalSpec> principals_;
  ObjectMap<GrantSpec> grants_;
  std::atomic<std::uint64_t> changes_{0};
};

}  // namespace penstock
