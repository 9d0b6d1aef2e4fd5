// From NetBox's objects to documents.
#include "exchange/netbox/import.h"

#include <algorithm>

#include "estate/estate.h"
#include "exchange/hostlist.h"
#include "exchange/netbox/cabling.h"
#include "exchange/netbox/country.h"
#include "exchange/netbox/power.h"
#include "spec/checks.h"

namespace penstock {
namespace {

using namespace netbox;

// Devices of these states stand and can work; whether they do is for their agents to say.
bool stands(std::string_view status) {
  return status.empty() || status == "active" || status == "staged" || status == "offline" || status == "failed";
}

// A weight in grams. A load is rounded up, a limit down.
enum class Round { kUp, kDown };
std::optional<Grams> weight_of(const json::object& object, std::string_view field, Round round) {
  const auto milli = decimal_of(text_of(object, field), 3);
  if (!milli || *milli < 0 || *milli > 1'000'000'000'000) return std::nullopt;
  // Grams in 10^5 units, exactly: a pound is 453.59237 g.
  const std::string unit = choice_of(object, "weight_unit");
  const std::int64_t grams = unit == "g" ? 100'000 : unit == "lb" ? 45'359'237 : unit == "oz" ? 2'834'952 : 100'000'000;
  const std::int64_t whole =
      round == Round::kUp ? mul_div_ceil(*milli, grams, 100'000'000) : mul_div_floor(*milli, grams, 100'000'000);
  if (whole > kMostWeight.count()) return std::nullopt;
  return Grams{whole};
}

std::optional<Watts> watts_in(const std::string& text) {
  const auto watts = decimal_of(text, 0);
  if (!watts || *watts < 1 || *watts > kMostNodePower.count()) return std::nullopt;
  return Watts{*watts};
}

class Importer {
 public:
  Importer(const NetboxData& data, const NetboxOptions& options) : data_(data), options_(options), cabling_(data) {}

  Result<NetboxImport> run() {
    index();
    take_in();
    PENSTOCK_RETURN_IF_ERROR(choose_sites());
    leave_out_the_rest();
    give_reasons();
    make_types();
    for (const auto& [id, site] : data_.of(kSites)) {
      if (chosen_.contains(id)) make_site(id, site);
    }
    for (const auto& [id, group] : data_.of(kRedundancy))
      ledger_.not_mapped(kRedundancy, id, "it is a claim; say it as `redundancy` of the racks, and it is checked");
    NetboxImport made;
    for (const auto& [name, type] : used_types_) made.documents.push_back({Kind::kNodeType, {name, {}, {}}, type, {}});
    std::move(sites_.begin(), sites_.end(), std::back_inserter(made.documents));
    made.report = ledger_.report();
    PENSTOCK_RETURN_IF_ERROR(prove(made.documents));
    return made;
  }

 private:
  // A device type as a NodeType, or why it is none.
  struct Type {
    std::int64_t id = 0;
    std::string name;
    std::optional<NodeTypeSpec> spec;
    std::string why;
  };
  // A device that becomes a node.
  struct NodeDevice {
    std::int64_t id;
    std::string label;
    const Type* type;
  };

  void take_in() {
    for (const auto& [kind, objects] : data_.endpoints) {
      if (kind == kRegions) continue;  // read for the countries only
      for (const auto& [id, object] : objects) ledger_.read(kind, id, name_in(object));
    }
    std::int64_t next = 0;
    for (const std::string& file : data_.unread) {
      ledger_.read("file", ++next, file);
      ledger_.not_mapped("file", next, "an import reads no such endpoint");
    }
  }

  // What to say of objects that nothing will have mapped.
  void give_reasons() {
    for (const auto& [id, location] : data_.of(kLocations)) ledger_.reason(kLocations, id, "no rack stands in it");
    for (const auto& [id, type] : data_.of(kDeviceTypes))
      ledger_.reason(kDeviceTypes, id, "none of its devices is a node");
    for (const auto& [id, device] : data_.of(kDevices)) {
      ledger_.reason(kDevices, id,
                     reference_of(device, "rack") == 0 ? "it stands in no rack" : "its rack is not mapped");
    }
    for (const auto& [id, feed] : data_.of(kFeeds)) ledger_.reason(kFeeds, id, "its panel is not mapped");
    for (const auto& [id, port] : data_.of(kPorts))
      ledger_.reason(kPorts, id, "its device is no node, and no node hangs on it");
    for (const auto& [id, outlet] : data_.of(kOutlets)) ledger_.reason(kOutlets, id, "no node hangs on it");
    for (const auto& [id, cable] : data_.of(kCables)) ledger_.reason(kCables, id, "it brings no power to a node");
    for (const auto& [id, segment] : data_.of(kSegments))
      ledger_.reason(kSegments, id, "its power system is not mapped");
    for (const auto& [id, terminal] : data_.of(kTerminals))
      ledger_.reason(kTerminals, id, "no segment that was mapped ends at it");
  }

  Status choose_sites() {
    std::set<std::string> wanted(options_.sites.begin(), options_.sites.end());
    for (const auto& [id, site] : data_.of(kSites)) {
      const std::string name = text_of(site, "name");
      const std::string slug = text_of(site, "slug");
      if (!options_.sites.empty() && wanted.erase(name) + wanted.erase(slug) == 0) continue;
      chosen_.insert(id);
    }
    if (wanted.empty()) return ok_status();
    std::string have;
    for (const auto& [id, site] : data_.of(kSites)) have += (have.empty() ? "" : ", ") + text_of(site, "slug");
    return make_error(Code::kNotFound, fmt::format("NetBox has no site '{}'; it has: {}", *wanted.begin(),
                                                   have.empty() ? "none" : have));
  }

  // The site of anything that has one, directly or through what it belongs to; 0 if it has none.
  std::int64_t site_of(const std::string& kind, const json::object& object) const {
    const auto through = [&](const char* above, std::string_view field) {
      const auto found = data_.of(above).find(reference_of(object, field));
      return found == data_.of(above).end() ? 0 : site_of(above, found->second);
    };
    if (kind == kSites) return reference_of(object, "id");
    if (kind == kFeeds) return through(kPanels, "power_panel");
    if (kind == kPorts || kind == kOutlets) return through(kDevices, "device");
    if (kind == kTerminals || kind == kUpsDetails) return through(kPlantNodes, "node");
    if (kind == kSegments || kind == kHandoffs || kind == kDeliveries || kind == kDomains || kind == kRedundancy)
      return through(kSystems, "power_system");
    return reference_of(object, "site");
  }

  void leave_out_the_rest() {
    if (options_.sites.empty()) return;
    for (const auto& [kind, objects] : data_.endpoints) {
      if (kind == kRegions) continue;
      for (const auto& [id, object] : objects) {
        const std::int64_t site = site_of(kind, object);
        if (site != 0 && !chosen_.contains(site)) ledger_.left_out(kind, id);
      }
    }
  }

  // --- types -------------------------------------------------------------------------------------------------

  void make_types() {
    std::map<std::int64_t, std::vector<std::int64_t>> devices;
    for (const auto& [id, device] : data_.of(kDevices)) {
      if (chosen_.contains(reference_of(device, "site"))) devices[reference_of(device, "device_type")].push_back(id);
    }
    Labels labels;
    for (const auto& [id, type] : data_.of(kDeviceTypes)) {
      const std::string slug = text_of(type, "slug");
      const Labels::Made made = labels.make(slug.empty() ? name_in(type) : slug, id);
      if (!made.instead_of.empty())
        ledger_.rename(kDeviceTypes, id,
                       fmt::format("its NodeType is called '{}', as '{}' was taken", made.label, made.instead_of));
      Type& at = types_[id];
      at.id = id;
      at.name = made.label;
      if (devices[id].empty()) {
        ledger_.not_mapped(kDeviceTypes, id, "no device is of it");
        continue;
      }
      make_type(id, type, devices[id], at);
      if (!at.spec) ledger_.not_mapped(kDeviceTypes, id, at.why);
    }
  }

  void make_type(std::int64_t id, const json::object& object, const std::vector<std::int64_t>& devices, Type& type) {
    if (const auto given = options_.types.find(type.name); given != options_.types.end()) {
      type.spec = given->second;
      return;
    }
    std::string missing;
    for (const std::string_view field : {"gpu_model", "gpu_count", "cpu_cores", "memory_gb"}) {
      if (custom_of(object, field).empty()) missing += fmt::format("{}{}", missing.empty() ? "" : ", ", field);
    }
    const bool passes_on = std::all_of(devices.begin(), devices.end(),
                                       [&](std::int64_t device) { return outlets_of_device_.contains(device); });
    if (!missing.empty() && passes_on) {
      type.why = "its devices pass power on and are no nodes";
      return;
    }
    if (!missing.empty()) {
      type.why = fmt::format(
          "NetBox does not say what it offers: give it the custom fields {}, or a NodeType '{}' with --types", missing,
          type.name);
      return;
    }
    NodeTypeSpec spec;
    spec.devices.model = label_of(custom_of(object, "gpu_model"));
    spec.devices.count = static_cast<std::int32_t>(
        std::clamp<std::int64_t>(decimal_of(custom_of(object, "gpu_count"), 0).value_or(0), 0, 1'000));
    if (const auto vendor = enum_from_name<Vendor>(custom_of(object, "gpu_vendor"))) spec.devices.vendor = *vendor;
    if (const auto memory = Text<Bytes>::parse(custom_of(object, "gpu_memory_gb") + "GB"); memory.ok())
      spec.devices.memory = *memory;
    spec.cpu = MilliCpu{decimal_of(custom_of(object, "cpu_cores"), 3).value_or(0)};
    if (const auto memory = Text<Bytes>::parse(custom_of(object, "memory_gb") + "GB"); memory.ok())
      spec.memory = *memory;
    if (const auto units = decimal_of(text_of(object, "u_height"), 1))
      spec.units = static_cast<std::int32_t>(std::clamp<std::int64_t>((*units + 9) / 10, 0, 1'000));
    spec.weight = weight_of(object, "weight", Round::kUp);
    if (!add_power(id, object, devices, spec, type)) return;
    if (Status good = check(spec); !good.ok()) {
      type.why = "it makes no NodeType: " + good.error().message;
      return;
    }
    type.spec = std::move(spec);
  }

  static Status check(const NodeTypeSpec& spec) {
    const Document document{Kind::kNodeType, {"type", {}, {}}, spec, {}};
    PENSTOCK_TRY(value, parse_json(document_json(document)));
    auto read = read_document(value);
    if (read.ok()) return ok_status();
    return make_error(Code::kInvalid, fmt::format("{}: {}", read.error().path, read.error().message));
  }

  // The sum over the ports of the device that has most; NetBox adds them up in the same way.
  bool add_power(std::int64_t id, const json::object& object, const std::vector<std::int64_t>& devices,
                 NodeTypeSpec& spec, Type& type) {
    Watts most;
    Watts least = kMostNodePower;
    std::size_t ports = 0;
    bool allocated = false;
    for (const std::int64_t device : devices) {
      const std::vector<std::int64_t>& of_device = cabling_.ports_of(device);
      Watts sum;
      for (const std::int64_t port : of_device) sum += draw_of(port);
      // One whose ports say nothing is taken for what the others say.
      if (sum == Watts{} || !stands(choice_of(data_.of(kDevices).at(device), "status"))) continue;
      for (const std::int64_t port : of_device) {
        allocated = allocated || text_of(data_.of(kPorts).at(port), "maximum_draw").empty();
      }
      most = std::max(most, sum);
      least = std::min(least, sum);
      ports = std::max(ports, of_device.size());
    }
    if (const auto told = watts_in(custom_of(object, "max_watts"))) {
      most = least = *told;
    } else if (most == Watts{}) {
      type.why = fmt::format(
          "no power port of its devices says its draw; give the ports a maximum_draw, the type the custom field "
          "max_watts, or a NodeType '{}' with --types",
          type.name);
      return false;
    } else {
      if (least != most)
        ledger_.assume(kDeviceTypes, id,
                       fmt::format("its devices draw {} to {} at most; all are taken for the most",
                                   Text<Watts>::format(least), Text<Watts>::format(most)));
      if (allocated) ledger_.assume(kDeviceTypes, id, "ports without a maximum_draw count with their allocated_draw");
    }
    spec.power.max = most;
    if (const auto idle = watts_in(custom_of(object, "idle_watts"))) {
      spec.power.idle = std::min(*idle, most);
    } else {
      spec.power.idle = Watts{mul_div_ceil(most.count(), options_.idle_share.count(), kWhole.count())};
      ledger_.assume(kDeviceTypes, id,
                     fmt::format("idle draw {}, {} of the maximum (--idle-share)", Text<Watts>::format(spec.power.idle),
                                 Text<Ppm>::format(options_.idle_share)));
    }
    if (ports < 2) return true;
    SuppliesSpec supplies;
    supplies.count = static_cast<std::int32_t>(std::min<std::size_t>(ports, 1'000));
    if (const auto needed = decimal_of(custom_of(object, "psu_needed"), 0)) {
      supplies.needed = static_cast<std::int32_t>(std::clamp<std::int64_t>(*needed, 0, 1'000));
    } else {
      supplies.needed = options_.supplies_needed == SuppliesNeeded::kAll ? supplies.count : (supplies.count + 1) / 2;
      ledger_.assume(
          kDeviceTypes, id,
          fmt::format("{} of {} supplies carry full power (--supplies-needed)", supplies.needed, supplies.count));
    }
    spec.supplies = supplies;
    return true;
  }

  Watts draw_of(std::int64_t port) const {
    const json::object& object = data_.of(kPorts).at(port);
    const auto draw = decimal_of(text_of(object, "maximum_draw"), 0);
    return Watts{std::clamp<std::int64_t>(draw ? *draw : decimal_of(text_of(object, "allocated_draw"), 0).value_or(0),
                                          0, kMostNodePower.count())};
  }

  // --- sites -------------------------------------------------------------------------------------------------

  std::string country_of_site(const json::object& site) const {
    if (std::string country = country_of(custom_of(site, "country")); !country.empty()) return country;
    std::int64_t region = reference_of(site, "region");
    if (const json::value* nested = site.if_contains("region"); nested != nullptr && nested->is_object()) {
      if (std::string country = country_of(name_in(nested->get_object())); !country.empty()) return country;
    }
    for (int depth = 0; region != 0 && depth < 32; ++depth) {
      const auto found = data_.of(kRegions).find(region);
      if (found == data_.of(kRegions).end()) break;
      if (std::string country = country_of(name_in(found->second)); !country.empty()) return country;
      region = reference_of(found->second, "parent");
    }
    if (std::string country = country_in_address(text_of(site, "physical_address")); !country.empty()) return country;
    return options_.country;
  }

  // Tells that everything of a site shares its fate.
  void give_up(std::int64_t site) {
    for (const char* kind : {kLocations, kRacks, kDevices, kPanels, kFeeds, kPorts, kOutlets, kSystems, kDomains,
                             kPlantNodes, kTerminals, kSegments, kHandoffs, kDeliveries, kUpsDetails}) {
      for (const auto& [id, object] : data_.of(kind)) {
        if (site_of(kind, object) == site) ledger_.not_mapped(kind, id, "its site is not mapped");
      }
    }
  }

  void make_site(std::int64_t id, const json::object& object) {
    if (choice_of(object, "status") == "retired") {
      ledger_.not_mapped(kSites, id, "it is retired");
      return give_up(id);
    }
    SiteSpec spec;
    spec.country = country_of_site(object);
    if (spec.country.empty()) {
      ledger_.not_mapped(kSites, id,
                         "its country is not known: give it the custom field country (e.g. GB), a region of that name, "
                         "or use --country");
      return give_up(id);
    }
    const std::string slug = text_of(object, "slug");
    const Labels::Made made = site_labels_.make(slug.empty() ? name_in(object) : slug, id);
    if (!made.instead_of.empty())
      ledger_.rename(kSites, id, fmt::format("it is called '{}', as '{}' was taken", made.label, made.instead_of));
    ledger_.mapped(kSites, id);
    if (const auto kilowatts = decimal_of(custom_of(object, "grid_kw"), 3);
        kilowatts && *kilowatts > 0 && *kilowatts <= kMostPower.count()) {
      spec.grid.emplace().contracted = Watts{*kilowatts};
    } else {
      ledger_.assume(kSites, id, "no limit of its grid connection; give it the custom field grid_kw, or add spec.grid");
    }
    NetboxPower power(data_, id, ledger_);
    make_halls(id, power, spec);
    if (!power.empty()) {
      NetworkSpec network = power.finish();
      if (!network.elements.empty()) spec.network = std::move(network);
    }
    sites_.push_back({Kind::kSite, {made.label, {}, {}}, std::move(spec), {}});
  }

  // The locations above a rack, the nearest first.
  std::vector<std::int64_t> locations_of(const json::object& rack) const {
    std::vector<std::int64_t> way;
    for (std::int64_t at = reference_of(rack, "location"); way.size() < 32;) {
      const auto found = data_.of(kLocations).find(at);
      if (found == data_.of(kLocations).end()) break;
      way.push_back(at);
      at = reference_of(found->second, "parent");
    }
    return way;
  }

  // The topmost location above a rack is its hall; the locations below that are its row, unless a custom field says it.
  std::string row_of(const json::object& rack, const std::vector<std::int64_t>& locations) const {
    std::string row = custom_of(rack, "row");
    if (row.empty() && !locations.empty()) {
      for (std::size_t i = locations.size() - 1; i-- > 0;) row += " " + name_in(data_.of(kLocations).at(locations[i]));
    }
    row = label_of(row);
    return row.empty() ? "r1" : row;
  }

  void make_halls(std::int64_t site, NetboxPower& power, SiteSpec& spec) {
    // By hall, row, position and name.
    std::map<std::int64_t, std::map<std::string, std::map<std::pair<std::int64_t, std::string>, std::int64_t>>> halls;
    for (const auto& [id, rack] : data_.of(kRacks)) {
      if (reference_of(rack, "site") != site) continue;
      if (choice_of(rack, "status") == "deprecated") {
        ledger_.not_mapped(kRacks, id, "it is deprecated");
        continue;
      }
      const std::vector<std::int64_t> locations = locations_of(rack);
      const auto position = decimal_of(custom_of(rack, "position"), 0).value_or(0);
      halls[locations.empty() ? 0 : locations.back()][row_of(rack, locations)].emplace(
          std::pair(position, fmt::format("{} {}", name_in(rack), id)), id);
      for (const std::int64_t location : locations) ledger_.mapped(kLocations, location);
    }
    Labels labels;
    for (const auto& [hall_id, rows] : halls) {
      HallSpec& hall = spec.halls.emplace_back();
      if (hall_id == 0) {
        hall.name = labels.make("hall", 0).label;
        ledger_.assume(kSites, site, fmt::format("racks without a location stand in a hall '{}'", hall.name));
      } else {
        const Labels::Made made = labels.make(name_in(data_.of(kLocations).at(hall_id)), hall_id);
        hall.name = made.label;
        if (!made.instead_of.empty())
          ledger_.rename(kLocations, hall_id,
                         fmt::format("its hall is called '{}', as '{}' was taken", made.label, made.instead_of));
      }
      Labels racks;
      for (const auto& [row_name, in_row] : rows) {
        RowSpec& row = hall.rows.emplace_back();
        row.name = row_name;
        std::int64_t last = 0;
        for (const auto& [place, rack] : in_row) {
          row.racks.push_back(make_rack(rack, racks, power));
          if (place.first > last && place.first <= 10'000) {
            last = place.first;
            row.racks.back().position = static_cast<std::int32_t>(place.first);
          }
        }
      }
    }
  }

  RackSpec make_rack(std::int64_t id, Labels& labels, NetboxPower& power) {
    const json::object& object = data_.of(kRacks).at(id);
    RackSpec rack;
    const Labels::Made made = labels.make(name_in(object), id);
    rack.name = made.label;
    if (!made.instead_of.empty())
      ledger_.rename(kRacks, id,
                     fmt::format("it is called '{}', as '{}' was taken in its hall", made.label, made.instead_of));
    ledger_.mapped(kRacks, id);
    rack.units = static_cast<std::int32_t>(
        std::clamp<std::int64_t>(decimal_of(text_of(object, "u_height"), 0).value_or(0), 0, 100));
    rack.weight = weight_of(object, "max_weight", Round::kDown);

    std::vector<NodeDevice> nodes = nodes_in(id);
    std::map<NetboxPower::Part, Watts> draws = draws_of(id, nodes, power);
    if (draws.empty() && !power.empty() && !nodes.empty()) {
      for (const NodeDevice& node : nodes) {
        ledger_.not_mapped(
            kDevices, node.id,
            fmt::format("its rack '{}' hangs on no feed: cable its power ports, or give the power feed its rack",
                        name_in(object)));
      }
      nodes.clear();
    }
    add_nodes(id, nodes, rack);
    add_feeds(id, nodes, draws, power, rack);
    return rack;
  }

  // The devices in a rack that are nodes, lowest first; the others are told.
  std::vector<NodeDevice> nodes_in(std::int64_t rack) {
    std::vector<std::pair<std::int64_t, std::int64_t>> found;  // height, id
    for (const std::int64_t id : devices_in_rack_[rack]) {
      found.emplace_back(decimal_of(text_of(data_.of(kDevices).at(id), "position"), 1).value_or(0), id);
    }
    std::sort(found.begin(), found.end());
    std::vector<NodeDevice> nodes;
    Labels labels;
    for (const auto& [height, id] : found) {
      const json::object& device = data_.of(kDevices).at(id);
      const auto type = types_.find(reference_of(device, "device_type"));
      if (const std::string status = choice_of(device, "status"); !stands(status)) {
        ledger_.not_mapped(kDevices, id, fmt::format("it is in status {}", status));
      } else if (type == types_.end()) {
        ledger_.not_mapped(kDevices, id, "its device type was not read");
      } else if (!type->second.spec) {
        tell_no_node(id, type->second);
      } else {
        const std::string name = name_in(device);
        const Labels::Made made = labels.make(name.empty() ? "n" : name, id);
        if (!made.instead_of.empty())
          ledger_.rename(kDevices, id,
                         fmt::format("it is called '{}', as '{}' was taken in its rack", made.label, made.instead_of));
        nodes.push_back({id, made.label, &type->second});
      }
    }
    return nodes;
  }

  // What is no node may still draw; a rack PDU passes on what others draw.
  void tell_no_node(std::int64_t id, const Type& type) {
    Watts draw;
    for (const std::int64_t port : cabling_.ports_of(id)) draw += draw_of(port);
    std::string why = fmt::format("its type '{}' is no NodeType", type.name);
    if (outlets_of_device_.contains(id)) {
      why += ", and no node hangs on its outlets";
    } else if (draw > Watts{}) {
      why += fmt::format("; it draws up to {}, which no limit knows of", Text<Watts>::format(draw));
    }
    ledger_.reason(kDevices, id, std::move(why));
  }

  std::map<NetboxPower::Part, Watts> draws_of(std::int64_t rack, const std::vector<NodeDevice>& nodes,
                                              NetboxPower& power) {
    std::map<NetboxPower::Part, Watts> draws;
    supplies_.clear();
    for (const NodeDevice& node : nodes) {
      std::map<NetboxPower::Part, std::int32_t> supplies;
      for (const std::int64_t id : cabling_.ports_of(node.id)) {
        const NetboxPort port = cabling_.trace(id, ledger_);
        const NetboxPower::Part part =
            port.supply ? power.part_of(port.supply->kind, port.supply->id) : NetboxPower::kNone;
        if (part == NetboxPower::kNone) {
          ledger_.not_mapped(kPorts, id, port.supply ? "the feed that supplies it is not mapped" : port.why);
          continue;
        }
        ledger_.mapped(kPorts, id);
        draws[part] += draw_of(id);
        ++supplies[part];
      }
      supplies_.push_back(std::move(supplies));
    }
    if (!draws.empty()) return draws;
    // No port leads anywhere, but a feed, or a delivery point of the plugin, may name the rack.
    for (const std::int64_t id : feeds_of_rack_[rack]) {
      if (const NetboxPower::Part part = power.part_of(kFeeds, id); part != NetboxPower::kNone) draws[part] = Watts{};
    }
    for (const auto& [id, delivery] : data_.of(kDeliveries)) {
      if (reference_of(delivery, "rack") != rack) continue;
      const NetboxPower::Part part = power.part_of(kPlantNodes, reference_of(delivery, "electrical_node"));
      if (part == NetboxPower::kNone) {
        ledger_.not_mapped(kDeliveries, id, "the electrical node that it names is not mapped");
        continue;
      }
      ledger_.mapped(kDeliveries, id);
      draws[part] = Watts{};
    }
    return draws;
  }

  void add_nodes(std::int64_t id, const std::vector<NodeDevice>& nodes, RackSpec& rack) {
    std::int64_t units = 0;
    Grams weight;
    for (std::size_t i = 0; i < nodes.size();) {
      std::vector<std::string> names;
      const Type* type = nodes[i].type;
      for (; i < nodes.size() && nodes[i].type == type; ++i) {
        names.push_back(nodes[i].label);
        ledger_.mapped(kDevices, nodes[i].id);
        units += type->spec->units;
        weight += type->spec->weight.value_or(Grams());
      }
      for (std::string& name : fold_names(names)) rack.nodes.push_back({std::move(name), type->name});
      used_types_.try_emplace(type->name, *type->spec);
      ledger_.mapped(kDeviceTypes, type->id);
    }
    if (rack.units > 0 && units > rack.units) {
      ledger_.assume(kRacks, id, fmt::format("no limit of rack units: its nodes take {} of {}", units, rack.units));
      rack.units = 0;
    }
    if (rack.weight && weight > *rack.weight) {
      ledger_.assume(kRacks, id,
                     fmt::format("no limit of weight: its nodes weigh {} of {}", Text<Grams>::format(weight),
                                 Text<Grams>::format(*rack.weight)));
      rack.weight.reset();
    }
  }

  void add_feeds(std::int64_t id, const std::vector<NodeDevice>& nodes, const std::map<NetboxPower::Part, Watts>& draws,
                 NetboxPower& power, RackSpec& rack) {
    Watts load;
    for (const NodeDevice& node : nodes) load += node.type->spec->power.max;
    Watts sum;
    for (const auto& [part, draw] : draws) {
      power.hang(part, load);
      sum += draw;
    }
    // Ports that do not say their draw tell nothing of shares; a share of 0% would make a standby of their feed.
    const bool shared =
        std::all_of(draws.begin(), draws.end(), [](const auto& draw) { return draw.second > Watts{}; }) &&
        std::any_of(draws.begin(), draws.end(), [&](const auto& draw) { return draw.second != draws.begin()->second; });
    const bool same_supplies = std::all_of(supplies_.begin(), supplies_.end(),
                                           [&](const auto& supplies) { return supplies == supplies_.front(); });
    std::int32_t counted = 0;
    if (!supplies_.empty()) {
      for (const auto& [part, count] : supplies_.front()) counted += count;
    }
    const bool tell_supplies =
        same_supplies && !supplies_.empty() && std::all_of(nodes.begin(), nodes.end(), [&](const NodeDevice& node) {
          return node.type->spec->supplies && node.type->spec->supplies->count == counted;
        });
    if (!same_supplies && draws.size() > 1)
      ledger_.assume(kRacks, id, "supplies spread evenly over its feeds, as its nodes differ in theirs");
    Ppm left = kWhole;
    for (const auto& [part, draw] : draws) {
      FeedSpec& feed = rack.feeds.emplace_back();
      feed.from = power.name(part);
      if (shared) {
        // The last feed has what the others leave.
        feed.share = rack.feeds.size() == draws.size() ? left : Ppm{mul_div_floor(draw.count(), kWhole.count(), sum.count())};
        left -= *feed.share;
      }
      if (tell_supplies) feed.supplies = supplies_.front().at(part);
    }
  }

  // --- indexes -----------------------------------------------------------------------------------------------

  void index() {
    for (const auto& [id, device] : data_.of(kDevices)) devices_in_rack_[reference_of(device, "rack")].push_back(id);
    for (const auto& [id, feed] : data_.of(kFeeds)) feeds_of_rack_[reference_of(feed, "rack")].push_back(id);
    for (const auto& [id, outlet] : data_.of(kOutlets)) outlets_of_device_.insert(reference_of(outlet, "device"));
  }

  // --- proof -------------------------------------------------------------------------------------------------

  // A mistake of ours must not reach a file: what is written can be read and compiles.
  static Status prove(const std::vector<Document>& documents) {
    PENSTOCK_TRY(read, read_documents({{"import", documents_yaml(documents)}},
                                      ReadLimits{.bytes = 1U << 30, .nodes = 100'000'000}));
    std::map<std::string, NodeTypeSpec> types;
    std::map<std::string, SiteSpec> sites;
    for (Document& document : read) {
      if (auto* type = std::get_if<NodeTypeSpec>(&document.spec)) types[document.metadata.name] = std::move(*type);
      if (auto* site = std::get_if<SiteSpec>(&document.spec)) sites[document.metadata.name] = std::move(*site);
    }
    auto estate = Estate::compile(types, sites);
    if (!estate.ok()) return std::move(estate).error();
    return ok_status();
  }

  const NetboxData& data_;
  const NetboxOptions& options_;
  NetboxCabling cabling_;
  ImportLedger ledger_;
  std::set<std::int64_t> chosen_;
  std::map<std::int64_t, Type> types_;
  std::map<std::string, NodeTypeSpec> used_types_;
  std::vector<Document> sites_;
  Labels site_labels_;
  std::vector<std::map<NetboxPower::Part, std::int32_t>> supplies_;  // of the nodes of the rack being made
  std::map<std::int64_t, std::vector<std::int64_t>> devices_in_rack_;
  std::map<std::int64_t, std::vector<std::int64_t>> feeds_of_rack_;
  std::set<std::int64_t> outlets_of_device_;
};

}  // namespace

Result<NetboxImport> import_netbox(const NetboxData& data, const NetboxOptions& options) {
  return Importer(data, options).run();
}

std::string documents_yaml(const std::vector<Document>& documents) {
  std::string text;
  for (const Document& document : documents) {
    auto value = parse_json(document_json(document));
    PENSTOCK_CHECK(value.ok());
    text += (text.empty() ? "" : "---\n") + to_yaml(*value);
    if (text.back() != '\n') text += '\n';
  }
  return text;
}

}  // namespace penstock
