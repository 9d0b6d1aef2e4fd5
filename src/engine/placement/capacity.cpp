// Measuring the room of sites.
#include "engine/placement/capacity.h"

#include <algorithm>

namespace penstock {
namespace {

PoolMask pools_of(const Estate& estate, const SiteLoads& loads, const std::string& model) {
  PoolMask mask(loads.pools().size());
  for (std::size_t p = 0; p < mask.size(); ++p) mask[p] = estate.types()[loads.pools()[p].type].spec.devices.model == model;
  return mask;
}

TierRoom tier_room(const SiteLoads& loads, const PoolMask& pools, const std::string& name, Grouping group) {
  TierRoom out{name, group, 0, 0, 0};
  std::int32_t most = 1;
  for (std::uint32_t p = 0; p < pools.size(); ++p) {
    if (pools[p] != 0) most = std::max(most, loads.most_devices(p));
  }
  if (group == Grouping::kNode) {
    const Domain& site = loads.domains().front();
    for (NodeIndex node = site.first_node; node < site.first_node + site.nodes; ++node) {
      if (pools[loads.pool_of(node)] == 0) continue;
      ++out.groups;
      if (!loads.counted(node)) continue;
      out.gpus = std::max<std::int64_t>(out.gpus, loads.whole_free(node));
      if (loads.whole_free(node) == loads.devices(node)) out.nodes = 1;
    }
    return out;
  }
  const auto [first, last] = loads.level(group);
  for (DomainIndex d = first; d < last; ++d) {
    ++out.groups;
    const std::int64_t gpus = loads.capacity(d, pools, 1);
    const std::int64_t nodes = loads.count(d, pools, most);
    if (std::pair(gpus, nodes) > std::pair(out.gpus, out.nodes)) std::tie(out.gpus, out.nodes) = std::pair(gpus, nodes);
  }
  return out;
}

// Fills what is free, rack by rack, as firm work at full power would, and takes it out again.
void fill_up(State& state, const SiteLoads& loads, const PoolMask& pools, Room& room) {
  struct Taken {
    NodeIndex node;
    Draw draw;
  };
  const Estate& estate = state.estate();
  PowerLoads& power = state.scratch_power();
  std::vector<Taken> taken;
  std::optional<PowerBlock> block;
  const Domain& site = loads.domains().front();
  for (NodeIndex node = site.first_node; node < site.first_node + site.nodes; ++node) {
    const std::int32_t free = loads.whole_free(node);
    if (pools[loads.pool_of(node)] == 0 || !loads.counted(node) || free == 0) continue;
    const NodeTypeSpec& type = estate.type_of(node).spec;
    const Watts each(mul_div_ceil((type.power.max - type.power.idle).count(), 1, type.devices.count));
    for (std::int32_t gpus = free; gpus > 0; --gpus) {
      const Watts all = std::min(each * gpus, type.power.max - type.power.idle);
      const auto why = power.block(node, {all, all}, std::nullopt);
      if (why) {
        if (!block) block = why;
        continue;
      }
      power.take(node, {all, all}, std::nullopt);
      taken.push_back({node, {all, all}});
      room.feasible += gpus;
      break;
    }
  }
  for (const Taken& each : taken) power.give(each.node, each.draw, std::nullopt);
  if (!block) return;
  switch (block->kind) {
    case PowerBlock::Kind::kDark: room.bound_by = "no live feed"; break;
    case PowerBlock::Kind::kSupplies: room.bound_by = "power supplies of the nodes"; break;
    case PowerBlock::Kind::kRow: {
      const SiteLimits& limits = *power.segments(block->site)[block->segment].limits;
      const LimitRow& row = limits.rows()[block->row];
      const std::string after = limits.name(row.after);
      room.bound_by = limits.name(row) + (after.empty() ? "" : " after the loss of " + after);
      break;
    }
  }
}

}  // namespace

std::vector<Room> room_now(State& state) {
  const Estate& estate = state.estate();
  std::vector<Room> out;
  for (SiteIndex s = 0; s < estate.sites().size(); ++s) {
    const SiteLoads& loads = state.loads().site(s);
    std::set<std::string> models;
    for (const Pool& pool : loads.pools()) models.insert(estate.types()[pool.type].spec.devices.model);
    for (const std::string& model : models) {
      const PoolMask pools = pools_of(estate, loads, model);
      Room room;
      room.site = s;
      room.gpu_model = model;
      room.free = loads.capacity(0, pools, 1);
      const Domain& site = loads.domains().front();
      for (NodeIndex node = site.first_node; node < site.first_node + site.nodes; ++node) {
        if (pools[loads.pool_of(node)] != 0 && loads.ready(node) && loads.aside(node)) room.kept += loads.whole_free(node);
      }
      fill_up(state, loads, pools, room);
      const auto& fabric = estate.sites()[s].fabric;
      if (fabric && fabric->nvlink_domain) room.tiers.push_back(tier_room(loads, pools, "nvlink", *fabric->nvlink_domain));
      bool whole = false;
      if (fabric) {
        for (const FabricTierSpec& tier : fabric->tiers) {
          room.tiers.push_back(tier_room(loads, pools, tier.name, tier.group));
          whole = whole || tier.group == Grouping::kSite;
        }
      }
      if (!whole) room.tiers.push_back(tier_room(loads, pools, "site", Grouping::kSite));
      out.push_back(std::move(room));
    }
  }
  return out;
}

}  // namespace penstock
