// The answer to a command that changed something, as it is stored for repeats of the same request.
#pragma once

#include "base/problem.h"
#include "base/uid.h"

namespace penstock {

enum class Change { kAdded, kChanged, kUnchanged, kRemoved };
constexpr auto enum_names(Change) {
  return std::array{EnumName<Change>{Change::kAdded, "added"}, EnumName<Change>{Change::kChanged, "changed"},
                    EnumName<Change>{Change::kUnchanged, "unchanged"}, EnumName<Change>{Change::kRemoved, "removed"}};
}

struct ObjectChange {
  std::string kind;
  std::string name;
  Uid uid;
  Change change = Change::kUnchanged;
  Position version = 0;

  static constexpr auto schema() {
    return object("ObjectChange", "What became of one object.",
                  field("kind", &ObjectChange::kind, required, "its kind"),
                  field("name", &ObjectChange::name, required, "its name"),
                  field("uid", &ObjectChange::uid, required, "its identity"),
                  field("change", &ObjectChange::change, required, "added, changed, unchanged or removed"),
                  field("version", &ObjectChange::version, optional, "its version after the change"));
  }
  bool operator==(const ObjectChange&) const = default;
};

/// One item of a batch that was refused.
struct Refusal {
  std::uint64_t index = 0;
  std::string code;
  std::string message;
  std::string path;

  static constexpr auto schema() {
    return object("Refusal", "One item of a batch that was refused.",
                  field("index", &Refusal::index, required, "its place in the batch, from 0"),
                  field("code", &Refusal::code, required, "why, from the closed vocabulary"),
                  field("message", &Refusal::message, required, "why, for people"),
                  field("path", &Refusal::path, optional, "the offending field"));
  }
  bool operator==(const Refusal&) const = default;
};

struct Reply {
  std::vector<ObjectChange> changes;
  std::vector<Refusal> refused;
  std::vector<std::string> effects;
  std::vector<ProblemItem> warnings;
  bool dry_run = false;
  bool repeated = false;

  static constexpr auto schema() {
    return object("Changes", "What a request changed.",
                  field("changes", &Reply::changes, required, "object by object, in the order of the request"),
                  field("refused", &Reply::refused, optional, "items of a batch that were refused"),
                  field("effects", &Reply::effects, optional, "what the change does to capacity and limits"),
                  field("warnings", &Reply::warnings, optional,
                        "what is allowed and probably not meant, such as racks that can never be full; with its path"),
                  field("dryRun", &Reply::dry_run, optional, "true: nothing was changed"),
                  field("repeated", &Reply::repeated, optional,
                        "true: this answers an earlier request with the same Idempotency-Key; nothing was done again"));
  }
  bool operator==(const Reply&) const = default;
};

PENSTOCK_JSON_ELSEWHERE(Reply);

}  // namespace penstock
