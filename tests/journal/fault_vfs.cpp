// Files that hand everything on to the real VFS, except what should fail.
#include "fault_vfs.h"

#include <algorithm>
#include <random>

#include "base/check.h"
#include "fixtures.h"

namespace penstock {

struct FaultFile {
  sqlite3_file base;  // SQLite sees this
  FaultVfs* vfs;
  FaultVfs::Image* image;  // none for files without a name, which live no longer than the process

  sqlite3_file* real() { return reinterpret_cast<sqlite3_file*>(this + 1); }
  static FaultFile& of(sqlite3_file* file) { return *reinterpret_cast<FaultFile*>(file); }

  static int close(sqlite3_file* file) {
    sqlite3_file* real = of(file).real();
    return real->pMethods->xClose(real);
  }
  static int read(sqlite3_file* file, void* into, int size, sqlite3_int64 offset) {
    sqlite3_file* real = of(file).real();
    return real->pMethods->xRead(real, into, size, offset);
  }
  static int write(sqlite3_file* file, const void* data, int size, sqlite3_int64 offset) {
    FaultFile& self = of(file);
    int code = SQLITE_OK;
    if (self.image != nullptr && self.vfs->fails_now()) {
      if (self.vfs->fault_ == Fault::kError) return SQLITE_IOERR_WRITE;
      if (self.vfs->fault_ == Fault::kFull) return SQLITE_FULL;
      code = SQLITE_FULL;
      size /= 2;
    }
    const int written = self.real()->pMethods->xWrite(self.real(), data, size, offset);
    if (written != SQLITE_OK) return written;
    if (self.image != nullptr) {
      self.image->pending.push_back({static_cast<std::size_t>(offset),
                                     std::string(static_cast<const char*>(data), static_cast<std::size_t>(size)),
                                     false});
    }
    return code;
  }
  static int truncate(sqlite3_file* file, sqlite3_int64 size) {
    FaultFile& self = of(file);
    if (self.image != nullptr && self.vfs->fails_now()) return SQLITE_IOERR_TRUNCATE;
    const int code = self.real()->pMethods->xTruncate(self.real(), size);
    if (code == SQLITE_OK && self.image != nullptr) {
      self.image->pending.push_back({static_cast<std::size_t>(size), {}, true});
    }
    return code;
  }
  static int sync(sqlite3_file* file, int flags) {
    FaultFile& self = of(file);
    ++self.vfs->syncs_;
    if (self.image != nullptr && self.vfs->fails_now()) {
      self.image->pending.clear();
      return SQLITE_IOERR_FSYNC;
    }
    const int code = self.real()->pMethods->xSync(self.real(), flags);
    if (code != SQLITE_OK || self.image == nullptr) return code;
    for (const auto& pending : self.image->pending)
      apply(self.image->synced, pending.offset, pending.bytes, pending.truncates);
    self.image->pending.clear();
    return SQLITE_OK;
  }
  static int size(sqlite3_file* file, sqlite3_int64* out) {
    sqlite3_file* real = of(file).real();
    return real->pMethods->xFileSize(real, out);
  }
  static int lock(sqlite3_file* file, int level) {
    sqlite3_file* real = of(file).real();
    return real->pMethods->xLock(real, level);
  }
  static int unlock(sqlite3_file* file, int level) {
    sqlite3_file* real = of(file).real();
    return real->pMethods->xUnlock(real, level);
  }
  static int check_reserved(sqlite3_file* file, int* out) {
    sqlite3_file* real = of(file).real();
    return real->pMethods->xCheckReservedLock(real, out);
  }
  static int control(sqlite3_file* file, int operation, void* argument) {
    sqlite3_file* real = of(file).real();
    return real->pMethods->xFileControl(real, operation, argument);
  }
  static int sector_size(sqlite3_file* file) {
    sqlite3_file* real = of(file).real();
    return real->pMethods->xSectorSize(real);
  }
  static int characteristics(sqlite3_file* file) {
    sqlite3_file* real = of(file).real();
    return real->pMethods->xDeviceCharacteristics(real);
  }

  static void apply(std::string& content, std::size_t offset, std::string_view bytes, bool truncates) {
    if (truncates) {
      content.resize(std::min(content.size(), offset));
      return;
    }
    if (content.size() < offset + bytes.size()) content.resize(offset + bytes.size());
    content.replace(offset, bytes.size(), bytes);
  }
};

namespace {

// Version 1: no shared memory and no mapping, which a journal that holds its file alone does without.
const sqlite3_io_methods kMethods = {.iVersion = 1,
                                     .xClose = FaultFile::close,
                                     .xRead = FaultFile::read,
                                     .xWrite = FaultFile::write,
                                     .xTruncate = FaultFile::truncate,
                                     .xSync = FaultFile::sync,
                                     .xFileSize = FaultFile::size,
                                     .xLock = FaultFile::lock,
                                     .xUnlock = FaultFile::unlock,
                                     .xCheckReservedLock = FaultFile::check_reserved,
                                     .xFileControl = FaultFile::control,
                                     .xSectorSize = FaultFile::sector_size,
                                     .xDeviceCharacteristics = FaultFile::characteristics};

}  // namespace

FaultVfs::FaultVfs()
    : name_("fault-" + std::to_string(reinterpret_cast<std::uintptr_t>(this))),
      real_(sqlite3_vfs_find(nullptr)),
      entry_{*real_, this} {
  entry_.vfs.szOsFile = static_cast<int>(sizeof(FaultFile)) + real_->szOsFile;
  entry_.vfs.pNext = nullptr;
  entry_.vfs.zName = name_.c_str();
  entry_.vfs.xOpen = open;
  entry_.vfs.xDelete = remove;
  PENSTOCK_CHECK(sqlite3_vfs_register(&entry_.vfs, 0) == SQLITE_OK);
}

FaultVfs::~FaultVfs() {
  sqlite3_vfs_unregister(&entry_.vfs);
}

void FaultVfs::fail_at(int operation, Fault fault, bool lasting) {
  fail_at_ = operation;
  fault_ = fault;
  lasting_ = lasting;
}

bool FaultVfs::fails_now() {
  ++operations_;
  return fail_at_ != 0 && (operations_ == fail_at_ || (lasting_ && operations_ > fail_at_));
}

std::map<std::string, std::string> FaultVfs::power_cut(unsigned seed) const {
  constexpr std::size_t kSector = 512;
  std::mt19937 random(seed);
  std::map<std::string, std::string> left;
  for (const auto& [path, image] : images_) {
    std::string content = image.synced;
    for (const Pending& pending : image.pending) {
      if (seed == 0) break;
      if (pending.truncates && random() % 2 == 0) FaultFile::apply(content, pending.offset, {}, true);
      for (std::size_t at = 0; at < pending.bytes.size();) {
        const std::size_t length = std::min(pending.bytes.size() - at, kSector - (pending.offset + at) % kSector);
        if (random() % 2 == 0) {
          FaultFile::apply(content, pending.offset + at, std::string_view(pending.bytes).substr(at, length), false);
        }
        at += length;
      }
    }
    left[path] = std::move(content);
  }
  return left;
}

int FaultVfs::open(sqlite3_vfs* vfs, const char* path, sqlite3_file* file, int flags, int* out_flags) {
  FaultVfs& self = of(vfs);
  auto* opened = new (file) FaultFile{};
  opened->vfs = &self;
  const int code = self.real_->xOpen(self.real_, path, opened->real(), flags, out_flags);
  // Without methods SQLite knows that there is nothing to close.
  if (code != SQLITE_OK) return code;
  opened->base.pMethods = &kMethods;
  if (path == nullptr) return code;
  const auto [image, is_new] = self.images_.try_emplace(path);
  if (is_new) image->second.synced = read_file(path);
  opened->image = &image->second;
  return code;
}

int FaultVfs::remove(sqlite3_vfs* vfs, const char* path, int sync_folder) {
  FaultVfs& self = of(vfs);
  if (self.fails_now()) return SQLITE_IOERR_DELETE;
  const int code = self.real_->xDelete(self.real_, path, sync_folder);
  // The image stays where it is, for the file may be open.
  if (code == SQLITE_OK && self.images_.count(path) != 0) self.images_[path] = {};
  return code;
}

}  // namespace penstock
