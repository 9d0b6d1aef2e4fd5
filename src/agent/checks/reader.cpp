// What the kernel says of disk, memory, network, clock, and in its log.
#include "agent/checks/reader.h"

#include <fcntl.h>
#include <sys/statvfs.h>
#include <sys/timex.h>
#include <unistd.h>

#include <cerrno>
#include <charconv>
#include <sstream>

#include "agent/kernel_files.h"
#include "base/clock.h"

namespace penstock {
namespace {

constexpr std::size_t kProbeSize = 4096;
// The kernel refuses to read a record into less.
constexpr std::size_t kMostRecord = 8192;

// 0, or the errno of what failed.
int probe(const std::string& path) {
  const std::string written(kProbeSize, static_cast<char>('a' + since_boot().count() % 26));
  const Fd file(open(path.c_str(), O_RDWR | O_CREAT | O_CLOEXEC, 0600));
  if (!file) return errno;
  if (pwrite(file.get(), written.data(), written.size(), 0) != static_cast<ssize_t>(written.size())) return errno == 0 ? EIO : errno;
  if (fsync(file.get()) != 0) return errno;
  // So that it is the disk that answers.
  posix_fadvise(file.get(), 0, 0, POSIX_FADV_DONTNEED);
  std::string found(written.size(), '\0');
  if (pread(file.get(), found.data(), found.size(), 0) != static_cast<ssize_t>(found.size())) return errno == 0 ? EIO : errno;
  return found == written ? 0 : EIO;
}

std::string default_interface(const std::string& proc) {
  std::string interface;
  std::int64_t least = 0;
  std::istringstream routes(read_file(proc + "/net/route", 1 << 20).ok() ? *read_file(proc + "/net/route", 1 << 20) : "");
  for (std::string line; std::getline(routes, line);) {
    std::istringstream fields(line);
    std::string name, destination, gateway, flags;
    std::int64_t uses = 0, references = 0, metric = 0;
    if (!(fields >> name >> destination >> gateway >> flags >> references >> uses >> metric) || destination != "00000000") continue;
    if (!interface.empty() && metric >= least) continue;
    interface = name;
    least = metric;
  }
  if (!interface.empty()) return interface;
  auto text = read_file(proc + "/net/ipv6_route", 1 << 20);
  std::istringstream routes6(text.ok() ? *text : "");
  for (std::string line; std::getline(routes6, line);) {
    // Without a gateway it only says that there is no way.
    if (!line.starts_with(std::string(32, '0') + " 00 ")) continue;
    const std::string name = line.substr(line.find_last_of(' ') + 1);
    if (name != "lo") return name;
  }
  return {};
}

}  // namespace

DiskReading read_disk(const std::string& state_dir, bool with_probe) {
  DiskReading disk;
  struct statvfs info {};
  if (statvfs(state_dir.c_str(), &info) == 0) {
    disk.size = Bytes(static_cast<std::int64_t>(info.f_blocks * info.f_frsize));
    disk.available = Bytes(static_cast<std::int64_t>(info.f_bavail * info.f_frsize));
    disk.files = static_cast<std::int64_t>(info.f_files);
    disk.files_available = static_cast<std::int64_t>(info.f_favail);
    disk.read_only = (info.f_flag & ST_RDONLY) != 0;
  }
  if (!with_probe) return disk;
  disk.probed = true;
  const Duration before = since_boot();
  disk.probe_error = probe(state_dir + "/probe");
  disk.probe_time = since_boot() - before;
  return disk;
}

MemoryReading read_memory(const MachinePaths& paths) {
  MemoryReading memory;
  memory.total = Bytes(number_after(paths.proc + "/meminfo", "MemTotal:").value_or(0) * 1024);
  const std::string edac = paths.sys + "/devices/system/edac/mc";
  for (const std::string& name : names_in(edac)) {
    if (!name.starts_with("mc")) continue;
    if (const auto count = number_in(edac + "/" + name + "/ce_count")) memory.corrected = memory.corrected.value_or(0) + *count;
    if (const auto count = number_in(edac + "/" + name + "/ue_count")) memory.uncorrected = memory.uncorrected.value_or(0) + *count;
  }
  return memory;
}

NetworkReading read_network(const MachinePaths& paths) {
  NetworkReading network;
  network.interface = default_interface(paths.proc);
  if (network.interface.empty()) return network;
  const std::string place = paths.sys + "/class/net/" + network.interface;
  // The carrier of an interface that is switched off cannot be read.
  network.up = number_in(place + "/carrier").value_or(0) == 1;
  network.errors = number_in(place + "/statistics/rx_errors").value_or(0) + number_in(place + "/statistics/tx_errors").value_or(0);
  network.megabits = std::max<std::int64_t>(number_in(place + "/speed").value_or(0), 0);
  return network;
}

ClockReading read_clock() {
  timex clock{};
  const int state = adjtimex(&clock);
  return {state >= 0 && state != TIME_ERROR && (clock.status & STA_UNSYNC) == 0, nanoseconds(clock.esterror * 1000)};
}

Moment moment_now() { return {utc_now(), since_boot()}; }

KernelLog::KernelLog(const std::string& path) : file_(open(path.c_str(), O_RDONLY | O_NONBLOCK | O_CLOEXEC)) {
  if (!file_) why_not_ = system_error("cannot read " + path, errno).message;
}

std::optional<KernelRecord> KernelLog::next() {
  while (file_) {
    const std::size_t end = buffer_.find('\n');
    if (end == std::string::npos) {
      char bytes[kMostRecord];
      const ssize_t size = read(file_.get(), bytes, sizeof bytes);
      // Records that were overwritten before we came are lost; the next are not.
      if (size < 0 && (errno == EPIPE || errno == EINTR)) continue;
      if (size <= 0) return std::nullopt;
      buffer_.append(bytes, static_cast<std::size_t>(size));
      continue;
    }
    const std::string line = buffer_.substr(0, end);
    buffer_.erase(0, end + 1);
    // facility and level, sequence, microseconds, flags; text. What begins with a blank belongs to the record before.
    KernelRecord record;
    std::int64_t priority = 0, microseconds = 0;
    const char* at = line.data();
    const char* const last = line.data() + line.size();
    const auto take = [&](auto& number) {
      const auto [rest, bad] = std::from_chars(at, last, number);
      if (bad != std::errc() || rest == last || *rest != ',') return false;
      at = rest + 1;
      return true;
    };
    const std::size_t text = line.find(';');
    if (text == std::string::npos || !take(priority) || !take(record.sequence) || !take(microseconds)) continue;
    if (priority >> 3 != 0) continue;  // a program wrote it
    record.at = nanoseconds(microseconds * 1000);
    record.text = line.substr(text + 1);
    return record;
  }
  return std::nullopt;
}

}  // namespace penstock
