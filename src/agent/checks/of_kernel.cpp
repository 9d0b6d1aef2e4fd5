// What is a fault in the words of the kernel and its drivers.
#include <algorithm>
#include <cctype>
#include <charconv>

#include "agent/checks/checks.h"
#include "agent/checks/codes.h"

namespace penstock {
namespace {

bool has(std::string_view text, std::string_view words) { return text.find(words) != std::string_view::npos; }

std::optional<std::int32_t> number_at(std::string_view text, std::size_t at) {
  while (at < text.size() && (text[at] == ' ' || text[at] == ':')) ++at;
  std::int32_t number = 0;
  if (at >= text.size() || std::from_chars(text.data() + at, text.data() + text.size(), number).ec != std::errc()) return std::nullopt;
  return number;
}

struct Xid {
  std::string slot;  // 0000:3b:00
  std::int32_t number = 0;
};

// "NVRM: Xid (PCI:0000:3b:00): 79, pid=1234, GPU has fallen off the bus."
std::optional<Xid> xid_in(std::string_view text) {
  constexpr std::string_view kBegin = "NVRM: Xid (PCI:";
  const std::size_t begin = text.find(kBegin);
  if (begin == std::string_view::npos) return std::nullopt;
  const std::size_t slot = begin + kBegin.size();
  const std::size_t end = text.find(')', slot);
  if (end == std::string_view::npos) return std::nullopt;
  const auto number = number_at(text, end + 1);
  if (!number) return std::nullopt;
  return Xid{std::string(text.substr(slot, end - slot)), *number};
}

struct Meaning {
  NodeCheck check;
  std::int32_t code;
  bool until_boot;
};

// Out of memory is a fault of what ran, and is not told.
std::optional<Meaning> meaning_of(std::string_view text) {
  const bool edac = has(text, "EDAC ") && (has(text, " UE ") || has(text, "uncorrect") || has(text, "Uncorrect"));
  if (edac) return Meaning{NodeCheck::kMemory, code::kMemoryUncorrected, true};
  const bool hardware = has(text, "[Hardware Error]");
  if (has(text, "Machine check events logged")) return std::nullopt;  // corrected ones as well
  if (has(text, "Kernel panic - not syncing: Fatal machine check") || has(text, "Uncorrected hardware memory error") ||
      (hardware && (has(text, "Machine Check Exception") || has(text, "Uncorrected error") || has(text, "event severity: fatal")))) {
    return Meaning{NodeCheck::kKernel, code::kMachineCheck, true};
  }
  const bool ext4 = has(text, "EXT4-fs error") || (has(text, "EXT4-fs (") && has(text, "Remounting filesystem read-only"));
  const bool xfs = has(text, "XFS (") && (has(text, "orruption") || has(text, "ilesystem has been shut down") || has(text, "hutting down filesystem"));
  if (ext4 || xfs) return Meaning{NodeCheck::kKernel, code::kFileSystem, true};
  if (has(text, "I/O error, dev ") || has(text, "Buffer I/O error") || has(text, "critical medium error") || has(text, "controller is down; will reset")) {
    return Meaning{NodeCheck::kKernel, code::kIoError, false};
  }
  if (has(text, "soft lockup") || has(text, "hard LOCKUP") || has(text, "blocked for more than")) return Meaning{NodeCheck::kKernel, code::kLockup, false};
  return std::nullopt;
}

}  // namespace

void Checks::take(const KernelRecord& record, const std::vector<Device>& devices, Moment now) {
  if (record.sequence < memory_.kernel_next) return;
  memory_.kernel_next = record.sequence + 1;
  const Duration at = std::min(record.at, now.since_boot);
  const Moment then{now.utc - (now.since_boot - at), at};
  if (const auto found = xid_in(record.text)) {
    std::int32_t device = -1;
    for (std::size_t i = 0; i < devices.size(); ++i) {
      std::string slot = found->slot;
      std::transform(slot.begin(), slot.end(), slot.begin(), [](unsigned char c) { return static_cast<char>(std::tolower(c)); });
      if (!slot.empty() && devices[i].slot.starts_with(slot)) device = static_cast<std::int32_t>(i);
    }
    xid(device, found->number, record.text, then);
  } else if (const auto meaning = meaning_of(record.text)) {
    bad({meaning->check, -1, meaning->code}, record.text, then, {}, meaning->until_boot ? Until::kReset : Until::kEvent);
  }
  clear(now);
}

}  // namespace penstock
