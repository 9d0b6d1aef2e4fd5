// Devices of one node, as a set of their indexes that fits into one word.
#pragma once

#include <bit>
#include <cstdint>
#include <initializer_list>
#include <iterator>

#include "base/check.h"

namespace penstock {

/// Device indexes from 0 to 63 in their order, each at most once. Written as a list.
class DeviceSet {
 public:
  using value_type = std::int32_t;

  constexpr DeviceSet() = default;
  constexpr DeviceSet(std::initializer_list<std::int32_t> devices) {
    for (const std::int32_t device : devices) push_back(device);
  }
  /// One bit for each device.
  static constexpr DeviceSet of(std::uint64_t bits) {
    DeviceSet out;
    out.bits_ = bits;
    return out;
  }
  /// The first `count` of these bits.
  static constexpr DeviceSet first_of(std::uint64_t bits, std::int32_t count) {
    std::uint64_t rest = bits;
    for (std::int32_t i = 0; i < count; ++i) rest &= rest - 1;
    return of(bits & ~rest);
  }

  /// Whether a reader may add it: an index that a node can have and the set does not.
  constexpr bool admits(std::int32_t device) const { return device >= 0 && device < 64 && (bits_ >> device & 1) == 0; }
  constexpr void push_back(std::int32_t device) {
    PENSTOCK_CHECK(admits(device));
    bits_ |= std::uint64_t{1} << device;
  }
  constexpr void clear() { bits_ = 0; }
  constexpr std::uint64_t bits() const { return bits_; }
  constexpr std::size_t size() const { return static_cast<std::size_t>(std::popcount(bits_)); }
  constexpr bool empty() const { return bits_ == 0; }

  class Iterator {
   public:
    using iterator_category = std::forward_iterator_tag;
    using difference_type = std::ptrdiff_t;
    using value_type = std::int32_t;
    using pointer = const std::int32_t*;
    using reference = std::int32_t;
    constexpr Iterator() = default;
    constexpr explicit Iterator(std::uint64_t rest) : rest_(rest) {}
    constexpr std::int32_t operator*() const { return std::countr_zero(rest_); }
    constexpr Iterator& operator++() {
      rest_ &= rest_ - 1;
      return *this;
    }
    constexpr Iterator operator++(int) {
      const Iterator before = *this;
      ++*this;
      return before;
    }
    constexpr bool operator==(const Iterator&) const = default;

   private:
    std::uint64_t rest_ = 0;
  };
  constexpr Iterator begin() const { return Iterator(bits_); }
  constexpr Iterator end() const { return Iterator(); }

  constexpr bool operator==(const DeviceSet&) const = default;

 private:
  std::uint64_t bits_ = 0;
};

}  // namespace penstock
