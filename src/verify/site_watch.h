// One site over time: its spec, its restrictions, its grants, and the verdict on every row that is above its limit.
#pragma once

#include <set>
#include <tuple>

#include "verify/findings.h"
#include "verify/grant.h"
#include "verify/load_flow.h"

namespace penstock::verifier {

/// What has happened to a site since its limits were last compared.
struct Change {
  bool grown = false;   ///< something was granted
  bool shrunk = false;  ///< something was given back
  bool fact = false;    ///< a failure, derating, order, or the end of one: taken in whatever it breaks
  bool wish = false;    ///< a spec or a maintenance: refused where it would break a limit
  bool given = false;   ///< the state of a snapshot: what is broken in it was judged before
  bool any() const { return grown || shrunk || fact || wish || given; }
};

class SiteWatch {
 public:
  SiteWatch(std::string name, Findings& findings) : name_(std::move(name)), findings_(findings) {}

  // What happens. None of it compares; `settle` does.
  void set_spec(std::optional<SiteSpec> spec);
  void types_changed();
  void restrict(const std::string& name, RestrictionSpec spec, Time now);
  void lift(const std::string& name, Time now);
  void revoke(const std::string& name, Time now);
  void take_as_given() { change_ = Change{}, change_.given = true; }
  /// These rows are above their limits and were told: they take the place of those told before.
  void announce(std::set<std::string> rows) { announced_ = std::move(rows); }
  void close_announcements();
  void grant(Grant grant);
  void release(const std::string& uid);
  void shed(const std::string& uid, bool shed);
  /// New watts of each task by rank; false if there are not as many tasks.
  bool repower(const std::string& uid, const std::vector<std::pair<std::int64_t, std::int64_t>>& watts);

  const std::optional<SiteSpec>& spec() const { return spec_; }
  /// Null before the site is applied. Requires that specs have been written out since they changed.
  const Model* model() const { return model_ ? &*model_ : nullptr; }
  const std::map<std::string, Grant>& grants() const { return grants_; }
  const Change& change() const { return change_; }

  /// Writes the site out if its specs changed. True if it did.
  Result<bool> write_out(const std::map<std::string, NodeTypeSpec>& types);

  /// The first date after `now` at which its limits change.
  std::optional<Time> next_date(Time now) const;

  /// Compares the limits, if anything changed that could break one.
  void settle(const Place& place);
  /// A dated change came to pass. The server meets it with a tick: it has two seconds, and then until the end of the
  /// first instant at which it did anything.
  void pass_date(const Place& before, Time at);
  /// Something happens at `at`: whoever should have mended a row before it has not.
  void arrive(const Place& before, Time at);
  /// A server came back: it has its two seconds from now.
  void leader_came(Time at);
  void finish(const Place& place);

  /// Σ over the grant's tasks of what they add to an idle node.
  std::int64_t swing(const Grant& grant) const;
  /// Whether the node's hall is there at this time.
  bool is_ready(int node, Time at) const;

 private:
  struct Restriction {
    RestrictionSpec spec;
    Time applied;
    bool revoked = false;
    Time from() const { return spec.from.value_or(applied); }
    bool in_force(Time at) const { return !revoked && from() <= at && (!spec.until || at < *spec.until); }
  };
  /// What is known of a row that is above its limit.
  struct Record {
    Exact load = 0;
    bool reported = false;
    bool told = false;     ///< announced
    bool given = false;    ///< broken in the snapshot already
    bool excused = false;  ///< broken by a fact, at a later date
  };
  using RowKey = std::tuple<std::string, std::string, bool>;  ///< row, contingency, firm
  using Records = std::map<RowKey, Record>;
  struct Grace {
    Time until;
    std::optional<Time> instant;  ///< the first one after `until`
  };
  struct Added {
    NodeWatts held, firm;
  };

  void start_grace(Time now);
  std::vector<Time> later_dates(Time now) const;
  Moment moment(Time at) const;
  Added added(std::optional<Time> later, const Grant* only = nullptr) const;
  void locate(Grant& grant) const;
  std::int64_t idle_part(const GrantedTask& task, const Type& type) const;
  void compare(const Place& place, const Change& change);
  bool all_within() const;
  void judge(const Place& place, const Change& change, std::optional<Time> later, Records& records);
  bool was_reported(const std::string& row, const std::string& contingency) const;
  std::string unshed(const Moment& moment, const Row& row) const;
  VerifyFinding describe(const Place& place, std::optional<Time> later, const Moment& moment, const Broken& broken) const;
  std::vector<std::string> greatest(const Moment& moment, std::optional<Time> later, const Row& row) const;

  std::string name_;
  Findings& findings_;
  std::optional<SiteSpec> spec_;
  std::optional<Model> model_;
  bool stale_ = false;
  std::map<std::string, Restriction> restrictions_;
  std::map<std::string, Grant> grants_;
  std::set<std::string> announced_;                     ///< rows
  std::set<std::pair<std::string, std::string>> told_;  ///< rows and losses that the report names as announced
  Change change_;
  std::optional<Grace> grace_;
  Records now_;
  std::map<Time, Records> later_;
};

}  // namespace penstock::verifier
