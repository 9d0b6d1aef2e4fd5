// A SQLite VFS over the system's own that fails on demand and knows what a power cut would leave.
#pragma once

#include <map>
#include <string>
#include <vector>

#include <sqlite3.h>

namespace penstock {

/// How a write fails. A sync that fails always reports an I/O error, and as on Linux what it should have made durable
/// stays readable but never reaches the disk, unless it is written again.
enum class Fault {
  kFull,   ///< no space: nothing is written
  kShort,  ///< no space after half of it
  kError,  ///< an I/O error: nothing is written
};

/// Registered under name() while it lives. Counts every write, truncation and sync of its files as one operation.
class FaultVfs {
 public:
  FaultVfs();
  ~FaultVfs();
  FaultVfs(const FaultVfs&) = delete;
  FaultVfs& operator=(const FaultVfs&) = delete;

  const std::string& name() const { return name_; }
  int operations() const { return operations_; }
  int syncs() const { return syncs_; }
  /// Fails the nth operation from the beginning (from 1), and with `lasting` every later one until heal().
  void fail_at(int operation, Fault fault, bool lasting);
  void heal() { fail_at_ = 0; }

  /// The bytes of each file, by path, that a power cut now could leave: all that was synced, and of what was not yet,
  /// any sectors of 512 bytes, as `seed` has it; with seed 0 none of them.
  std::map<std::string, std::string> power_cut(unsigned seed) const;

 private:
  friend struct FaultFile;
  struct Pending {
    std::size_t offset = 0;
    std::string bytes;
    bool truncates = false;  // to `offset`
  };
  struct Image {
    std::string synced;
    std::vector<Pending> pending;
  };

  // SQLite gives back the pointer to the first member.
  struct Entry {
    sqlite3_vfs vfs;
    FaultVfs* owner;
  };

  bool fails_now();
  static FaultVfs& of(sqlite3_vfs* vfs) { return *reinterpret_cast<Entry*>(vfs)->owner; }
  static int open(sqlite3_vfs* vfs, const char* path, sqlite3_file* file, int flags, int* out_flags);
  static int remove(sqlite3_vfs* vfs, const char* path, int sync_folder);

  const std::string name_;
  sqlite3_vfs* const real_;
  Entry entry_;
  std::map<std::string, Image> images_;
  int operations_ = 0;
  int syncs_ = 0;
  int fail_at_ = 0;
  Fault fault_ = Fault::kFull;
  bool lasting_ = false;
};

}  // namespace penstock
