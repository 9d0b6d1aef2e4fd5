// Making and checking bearer tokens. The secret leaves this file once, towards the one who asked for it.
#pragma once

#include <shared_mutex>
#include <unordered_map>

#include "engine/state.h"

namespace penstock {

/// Who is calling.
struct Principal {
  std::string token_id;
  std::string name;
  Role role = Role::kViewer;
  std::string tenant;
  std::string node;

  /// For the record: `token:ID`.
  std::string id() const { return "token:" + token_id; }
};

/// A new token: the text `pst_ID_SECRET` for its holder, the record (with the hash) for the engine.
struct NewToken {
  std::string text;
  TokenRecord record;
};
NewToken make_token(Role role, std::string name, Time now);

/// All valid tokens, for the threads that read requests. Thread-safe.
class TokenTable {
 public:
  void reset(const Facts& facts);
  void take(const EventRecord& record);
  /// kUnauthenticated for anything but a token that is known, whole and not expired.
  Result<Principal> check(std::string_view text, Time now) const;

 private:
  mutable std::shared_mutex mutex_;
  std::unordered_map<std::string, TokenRecord> tokens_;
  std::unordered_map<std::string, std::string> token_of_node_;
};

}  // namespace penstock
