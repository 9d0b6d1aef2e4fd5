// The account of an import: every object that was read is mapped, told as not mapped, or left out because nobody asked.
#pragma once

#include "base/json.h"

namespace penstock {

/// One object of NetBox, and what there is to say about it.
struct ImportNote {
  std::string kind;
  std::int64_t id = 0;
  std::string name;
  std::string why;

  static constexpr auto schema() {
    return object("ImportNote", "One object, and what there is to say about it.",
                  field("kind", &ImportNote::kind, required, "its endpoint in NetBox's API, e.g. dcim/power-feeds"),
                  field("id", &ImportNote::id, required, "its id there"),
                  field("name", &ImportNote::name, required, "its name there"),
                  field("why", &ImportNote::why, required, "the reason, and what would help"));
  }
  bool operator==(const ImportNote&) const = default;
};

/// How many objects of an endpoint went where; read = mapped + notMapped + leftOut.
struct ImportCount {
  std::string kind;
  std::int64_t read = 0;
  std::int64_t mapped = 0;
  std::int64_t not_mapped = 0;
  std::int64_t left_out = 0;

  static constexpr auto schema() {
    return object("ImportCount", "How many objects of an endpoint went where.",
                  field("kind", &ImportCount::kind, required, "the endpoint"),
                  field("read", &ImportCount::read, required, "objects read"),
                  field("mapped", &ImportCount::mapped, required, "objects that the documents say something of"),
                  field("notMapped", &ImportCount::not_mapped, required, "objects that they say nothing of"),
                  field("leftOut", &ImportCount::left_out, required, "objects of sites that were not asked for"));
  }
  bool operator==(const ImportCount&) const = default;
};

struct ImportReport {
  std::vector<ImportCount> counts;
  std::vector<ImportNote> not_mapped;
  std::vector<ImportNote> assumed;
  std::vector<ImportNote> renamed;

  static constexpr auto schema() {
    return object(
        "ImportReport", "What became of everything that was read.",
        field("counts", &ImportReport::counts, required, "by endpoint"),
        field("notMapped", &ImportReport::not_mapped, required, "what the documents say nothing of, and why"),
        field("assumed", &ImportReport::assumed, required, "what the source does not say and the documents had to"),
        field("renamed", &ImportReport::renamed, required, "names that collided"));
  }
  bool operator==(const ImportReport&) const = default;
};

/// Takes every object in once and gives it one verdict. What has none at the end is not mapped: nothing is dropped
/// silently.
class ImportLedger {
 public:
  /// False if this object was taken in before.
  bool read(const std::string& kind, std::int64_t id, const std::string& name);
  void mapped(const std::string& kind, std::int64_t id) { give(kind, id, Verdict::kMapped, {}); }
  void not_mapped(const std::string& kind, std::int64_t id, std::string why) {
    give(kind, id, Verdict::kNotMapped, std::move(why));
  }
  /// What to say of the object if nothing maps it.
  void reason(const std::string& kind, std::int64_t id, std::string why) {
    give(kind, id, Verdict::kNone, std::move(why));
  }
  void left_out(const std::string& kind, std::int64_t id) { give(kind, id, Verdict::kLeftOut, {}); }
  void assume(const std::string& kind, std::int64_t id, std::string what);
  void rename(const std::string& kind, std::int64_t id, std::string how);

  ImportReport report() const;

 private:
  enum class Verdict { kNone, kMapped, kNotMapped, kLeftOut };
  struct Entry {
    std::string name;
    Verdict verdict = Verdict::kNone;
    std::string why;
  };

  // A reason gives way to a verdict, and `mapped` to the others; those stand.
  void give(const std::string& kind, std::int64_t id, Verdict verdict, std::string why);
  const std::string& name_of_object(const std::string& kind, std::int64_t id) const;

  std::map<std::string, std::map<std::int64_t, Entry>> entries_;
  std::vector<ImportNote> assumed_;
  std::vector<ImportNote> renamed_;
};

}  // namespace penstock
