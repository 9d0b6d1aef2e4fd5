// The frames and checksums of https://www.sqlite.org/fileformat2.html#walformat.
#include "journal/sqlite/wal.h"

#include <algorithm>
#include <filesystem>
#include <fstream>
#include <map>
#include <string>
#include <vector>

#include <fmt/format.h>

namespace penstock {
namespace {

constexpr std::size_t kHeader = 32;
constexpr std::size_t kFrameHeader = 24;
constexpr std::uint32_t kMagic = 0x377f0682;  // the lowest bit says that checksums read words big-endian

std::uint32_t big_endian(const char* at) {
  const auto* bytes = reinterpret_cast<const unsigned char*>(at);
  return std::uint32_t{bytes[0]} << 24 | std::uint32_t{bytes[1]} << 16 | std::uint32_t{bytes[2]} << 8 | bytes[3];
}

std::uint32_t little_endian(const char* at) {
  const auto* bytes = reinterpret_cast<const unsigned char*>(at);
  return std::uint32_t{bytes[3]} << 24 | std::uint32_t{bytes[2]} << 16 | std::uint32_t{bytes[1]} << 8 | bytes[0];
}

struct Checksum {
  std::uint32_t first = 0;
  std::uint32_t second = 0;

  bool operator==(const Checksum&) const = default;

  static Checksum stored(const char* at) { return {big_endian(at), big_endian(at + 4)}; }

  void add(const char* data, std::size_t size, bool big) {
    const auto word = big ? big_endian : little_endian;
    for (std::size_t i = 0; i + 8 <= size; i += 8) {
      first += word(data + i) + second;
      second += word(data + i + 4) + first;
    }
  }
};

// Whether the database has all that the commits in the file hold: then the file was about to be used anew, its header
// was cut off in the middle, and nothing is lost with it.
bool folded_in(std::ifstream& wal, Database& database, std::size_t page_size) {
  std::vector<char> frame(kFrameHeader + page_size);
  std::map<std::uint32_t, std::string> open, committed;
  std::string generation;
  while (wal.read(frame.data(), static_cast<std::streamsize>(frame.size()))) {
    const std::string salt(frame.data() + 8, 8);
    if (generation.empty()) generation = salt;
    if (salt != generation) break;
    open[big_endian(frame.data())].assign(frame.begin() + kFrameHeader, frame.end());
    if (big_endian(frame.data() + 4) == 0) continue;
    for (auto& [page, content] : open) committed[page] = std::move(content);
    open.clear();
  }
  return std::all_of(committed.begin(), committed.end(), [&](const auto& entry) {
    return database.raw((std::int64_t{entry.first} - 1) * static_cast<std::int64_t>(page_size), page_size) ==
           entry.second;
  });
}

}  // namespace

Result<WalState> inspect_wal(const std::string& path, Database& database) {
  WalState state;
  PENSTOCK_TRY(pages, database.integer("PRAGMA page_size"));
  const auto page_size = static_cast<std::size_t>(pages);
  std::error_code failed;
  const std::uintmax_t size = std::filesystem::file_size(path, failed);
  if (failed == std::errc::no_such_file_or_directory) return state;
  if (failed) return make_error(Code::kUnavailable, fmt::format("{}: {}", path, failed.message()));
  const std::size_t frame_size = kFrameHeader + page_size;
  const std::uintmax_t frames = size < kHeader ? 0 : (size - kHeader) / frame_size;
  if (frames == 0) {
    state.unfinished = size > kHeader ? 1 : 0;
    return state;
  }

  std::ifstream file(path, std::ios::binary);
  char header[kHeader];
  file.read(header, kHeader);
  const bool big = (big_endian(header) & 1) != 0;
  Checksum link;
  link.add(header, kHeader - 8, big);
  // SQLite makes the header durable before it writes the first frame behind it.
  if ((big_endian(header) & ~1U) != kMagic || big_endian(header + 8) != page_size ||
      link != Checksum::stored(header + 24)) {
    if (!folded_in(file, database, page_size)) state.damage = "the header";
    return state;
  }

  const auto add_frame = [&](Checksum sum, const std::vector<char>& frame) {
    sum.add(frame.data(), 8, big);
    sum.add(frame.data() + kFrameHeader, page_size, big);
    return sum;
  };
  std::vector<char> bytes(frame_size);
  std::uintmax_t broken = 0;  // the first frame that does not check, from 1
  bool commit_before = false;
  Checksum stored_before = link;
  for (std::uintmax_t number = 1; number <= frames && file.read(bytes.data(), frame_size); ++number) {
    const bool commits = big_endian(bytes.data() + 4) != 0;
    // Frames of an older generation stay behind when the file is used anew.
    const bool ours = std::equal(header + 16, header + 24, bytes.data() + 8);
    const Checksum stored = Checksum::stored(bytes.data() + 16);
    // Where the frame before is damaged, that may be its content or its checksum.
    link = add_frame(link, bytes);
    const bool intact = ours && (link == stored || add_frame(stored_before, bytes) == stored);
    if (!intact && broken == 0) broken = number;
    if (broken != 0 && number > broken && commit_before && intact) {
      state.damage = fmt::format("frame {} of {}", broken, frames);
      state.intact_bytes = kHeader + (broken - 1) * frame_size;
      return state;
    }
    if (ours) ++state.unfinished;
    if (broken == 0 && commits) state.unfinished = 0;
    if (intact) link = stored;
    stored_before = stored;
    commit_before = commits;
  }
  if (file.bad() || !file) return make_error(Code::kUnavailable, fmt::format("{} could not be read", path));
  if (broken == 0 && (size - kHeader) % frame_size != 0) ++state.unfinished;
  return state;
}

}  // namespace penstock
