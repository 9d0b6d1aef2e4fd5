// Tokens, principals and grants as commands change them, and the audit of what commands changed.
#pragma once

#include "engine/access/rights.h"
#include "engine/step.h"

namespace penstock {

Result<Reply> issue_token(Step& step, const IssueToken& command);
Result<Reply> revoke_token(Step& step, const RevokeToken& command);

/// Why the principal, grant, tenant or project may not go because access hangs on it; empty if it may. Tokens that have
/// expired do not count.
std::string access_that_names(const Facts& facts, Kind kind, const std::string& name, Time now);

/// A principal's tokens go with it.
void revoke_tokens_of(Step& step, const std::string& principal);

/// Notes what a command is about to change; `record` writes what it did change, if it was asked for by someone.
class Audit {
 public:
  Audit(const Facts& facts, const Command& command, const CommandMeta& meta);
  void record(Step& step, const Reply& reply) const;

 private:
  const Command& command_;
  std::map<std::pair<std::string, std::string>, json::value> before_;  // by kind and name
};

}  // namespace penstock
