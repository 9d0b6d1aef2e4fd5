// The electrical network of one site, out of NetBox's panels and feeds and the plant of netbox_power_plant.
#pragma once

#include "exchange/netbox/labels.h"
#include "exchange/netbox/ledger.h"
#include "exchange/netbox/objects.h"
#include "spec/estate.h"

namespace penstock {

/// Panels become switchboards, feeds the pdu elements below them; electrical nodes become elements by their kind, and a
/// segment with a breaker or an ampacity an element between its ends. What has no rating is assumed to carry all that
/// hangs on it; what nothing feeds hangs on an element `grid`, assumed the same way. Every assumption stands in the
/// ledger.
class NetboxPower {
 public:
  using Part = std::size_t;
  static constexpr Part kNone = ~std::size_t{0};

  NetboxPower(const NetboxData& data, std::int64_t site, ImportLedger& ledger);

  bool empty() const { return parts_.empty(); }
  /// The part that an object of NetBox became; kNone if it became none.
  Part part_of(const std::string& kind, std::int64_t id) const;
  /// The element's name.
  const std::string& name(Part part) const { return parts_[part].spec.name; }
  /// Says that up to `load` more hangs on the part.
  void hang(Part part, Watts load) { parts_[part].load += load; }
  /// The network, once all loads hang. Requires !empty().
  NetworkSpec finish();

 private:
  struct Edge {
    Part above = kNone;
    bool standby = false;
    std::int64_t priority = 0;  // of its domain: lower comes first
    std::int64_t segment = 0;   // 0: a feed in its panel
  };
  struct PartData {
    std::string kind;
    std::int64_t id = 0;
    ElementSpec spec;
    bool rated = false;
    std::vector<Edge> edges;
    Watts load;  // of the racks that hang on it
  };

  Part add(const std::string& kind, std::int64_t id, const std::string& name, ElementKind element);
  void add_panels_and_feeds();
  void add_plant();
  void add_node(std::int64_t id, const json::object& node);
  void add_segment(std::int64_t id, const json::object& segment);
  void rate_by_terminals(Part part, const json::object& node, std::int64_t id);
  bool energised(const std::string& kind, std::int64_t id, const json::object& object, std::string_view field);

  std::vector<std::vector<Part>> below() const;
  std::vector<std::pair<Part, std::size_t>> circle() const;
  void cut_circles();
  void settle_standbys();
  void feed_the_unfed();
  void rate_the_unrated();
  std::vector<Part> from_the_top() const;
  void write_feeds();

  const NetboxData& data_;
  std::int64_t site_;
  ImportLedger& ledger_;
  Labels labels_;
  std::vector<PartData> parts_;
  std::map<std::pair<std::string, std::int64_t>, Part> index_;
  std::multimap<std::int64_t, std::int64_t> terminals_of_node_;
};

}  // namespace penstock
