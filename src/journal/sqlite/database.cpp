// Calls into SQLite and its result codes in our words.
#include "journal/sqlite/database.h"

#include <algorithm>
#include <cstring>
#include <vector>

#include <fmt/format.h>
#include <sqlite3.h>

namespace penstock {
namespace {

Error failure(sqlite3* connection, int code) {
  if (connection == nullptr) return make_error(Code::kUnavailable, "there is not enough memory to open the journal");
  const char* path = sqlite3_db_filename(connection, "main");
  const std::string file = path == nullptr ? "the journal" : path;
  // The connection may remember another failure than this one, or none.
  const bool remembered = sqlite3_errcode(connection) == (code & 0xff) || sqlite3_extended_errcode(connection) == code;
  const std::string detail =
      fmt::format("{} [{}]", remembered ? sqlite3_errmsg(connection) : sqlite3_errstr(code), code);
  const int os = sqlite3_system_errno(connection);
  const std::string cause = os == 0 ? detail : fmt::format("{}, {}", detail, std::strerror(os));
  switch (code & 0xff) {
    case SQLITE_FULL:
      return make_error(Code::kUnavailable, fmt::format("the disk is full, {} could not be written: {}", file, cause));
    case SQLITE_BUSY:
    case SQLITE_LOCKED:
      return make_error(Code::kUnavailable, fmt::format("another Penstock server holds {} (or someone reads it with "
                                                        "sqlite3): stop that one first, two must not write one "
                                                        "journal: {}",
                                                        file, detail));
    case SQLITE_IOERR:
      return make_error(Code::kUnavailable, fmt::format("{} could not be read or written: {}", file, cause));
    case SQLITE_CANTOPEN:
    case SQLITE_READONLY:
    case SQLITE_PERM:
    case SQLITE_AUTH:
      return make_error(Code::kUnavailable,
                        fmt::format("{} could not be opened for writing, check its owner, its mode and its file "
                                    "system: {}",
                                    file, cause));
    case SQLITE_NOMEM:
      return make_error(Code::kUnavailable, fmt::format("there is not enough memory to use {}", file));
    case SQLITE_TOOBIG:
      return make_error(Code::kTooLarge, fmt::format("a value is too large for {}: {}", file, detail));
    case SQLITE_NOTADB:
    case SQLITE_CORRUPT:
      return make_error(Code::kInternal,
                        fmt::format("{} is damaged or no journal: {}. Restore a backup", file, detail));
    default:
      return make_error(Code::kInternal, fmt::format("{}: {}", file, detail));
  }
}

}  // namespace

void Statement::Finalize::operator()(sqlite3_stmt* statement) const {
  sqlite3_finalize(statement);
}

void Statement::rewind() {
  sqlite3_reset(statement_.get());
  unbound_ = SQLITE_OK;
}

void Statement::put(int index, std::int64_t value, Keep) {
  const int code = sqlite3_bind_int64(statement_.get(), index, value);
  if (unbound_ == SQLITE_OK) unbound_ = code;
}

void Statement::put(int index, std::optional<std::string_view> value, Keep keep) {
  // An empty view may have no address, which SQLite would take for NULL.
  const int code = !value ? sqlite3_bind_null(statement_.get(), index)
                          : sqlite3_bind_text64(statement_.get(), index, value->data() == nullptr ? "" : value->data(),
                                                value->size(), keep == Keep::kCopy ? SQLITE_TRANSIENT : SQLITE_STATIC,
                                                SQLITE_UTF8);
  if (unbound_ == SQLITE_OK) unbound_ = code;
}

Result<bool> Statement::step() {
  const int code = unbound_ != SQLITE_OK ? unbound_ : sqlite3_step(statement_.get());
  if (code == SQLITE_ROW) return true;
  if (code == SQLITE_DONE) {
    sqlite3_reset(statement_.get());
    return false;
  }
  Error error = failure(sqlite3_db_handle(statement_.get()), code);
  sqlite3_reset(statement_.get());
  return error;
}

Status Statement::finish() {
  while (true) {
    auto more = step();
    if (more.ok() && *more) continue;
    sqlite3_clear_bindings(statement_.get());  // what was borrowed may go now
    return more.ok() ? ok_status() : Status(std::move(more).error());
  }
}

std::int64_t Statement::integer(int column) const {
  return sqlite3_column_int64(statement_.get(), column);
}

std::string_view Statement::text(int column) const {
  const auto* data = static_cast<const char*>(sqlite3_column_blob(statement_.get(), column));
  return {data, static_cast<std::size_t>(sqlite3_column_bytes(statement_.get(), column))};
}

void Blob::Close::operator()(sqlite3_blob* blob) const {
  sqlite3_blob_close(blob);
}

std::uint64_t Blob::size() const {
  return static_cast<std::uint64_t>(sqlite3_blob_bytes(blob_.get()));
}

Result<std::string> Blob::read(std::uint64_t offset, std::size_t most) {
  if (offset >= size()) return std::string();
  std::string bytes(std::min<std::uint64_t>(most, size() - offset), '\0');
  const int code = sqlite3_blob_read(blob_.get(), bytes.data(), static_cast<int>(bytes.size()), static_cast<int>(offset));
  if (code != SQLITE_OK) return failure(connection_, code);
  return bytes;
}

void Database::Close::operator()(sqlite3* connection) const {
  // A statement that outlives its connection would keep the file and its lock.
  PENSTOCK_CHECK(sqlite3_close(connection) == SQLITE_OK);
}

Result<Database> Database::open(const std::string& path, const std::string& vfs) {
  sqlite3* connection = nullptr;
  const int code =
      sqlite3_open_v2(path.c_str(), &connection, SQLITE_OPEN_READWRITE | SQLITE_OPEN_NOMUTEX | SQLITE_OPEN_EXRESCODE,
                      vfs.empty() ? nullptr : vfs.c_str());
  Database database(connection);
  if (code != SQLITE_OK) return failure(connection, code);
  return database;
}

Status Database::execute(const char* statements) {
  const int code = sqlite3_exec(connection_.get(), statements, nullptr, nullptr, nullptr);
  if (code != SQLITE_OK) return failure(connection_.get(), code);
  return ok_status();
}

Result<Statement> Database::prepare(std::string_view sql) {
  sqlite3_stmt* statement = nullptr;
  const int code = sqlite3_prepare_v3(connection_.get(), sql.data(), static_cast<int>(sql.size()),
                                      SQLITE_PREPARE_PERSISTENT, &statement, nullptr);
  if (code != SQLITE_OK) return failure(connection_.get(), code);
  return Statement(statement);
}

Result<Blob> Database::open_value(const char* table, const char* column, std::int64_t row) {
  sqlite3_blob* blob = nullptr;
  const int code = sqlite3_blob_open(connection_.get(), "main", table, column, row, 0, &blob);
  if (code != SQLITE_OK) return failure(connection_.get(), code);
  return Blob(blob, connection_.get());
}

Result<std::int64_t> Database::integer(std::string_view sql) {
  PENSTOCK_TRY(statement, prepare(sql));
  PENSTOCK_TRY(found, statement.step());
  PENSTOCK_CHECK(found);
  return statement.integer(0);
}

Result<std::string> Database::text(std::string_view sql) {
  PENSTOCK_TRY(statement, prepare(sql));
  PENSTOCK_TRY(found, statement.step());
  PENSTOCK_CHECK(found);
  return std::string(statement.text(0));
}

std::string Database::raw(std::int64_t offset, std::size_t size) {
  sqlite3_file* file = nullptr;
  sqlite3_file_control(connection_.get(), "main", SQLITE_FCNTL_FILE_POINTER, &file);
  std::string bytes(size, '\0');
  if (file->pMethods->xRead(file, bytes.data(), static_cast<int>(size), offset) != SQLITE_OK) return {};
  return bytes;
}

Status Database::rewrite_wal() {
  sqlite3_file* file = nullptr;
  sqlite3_file_control(connection_.get(), "main", SQLITE_FCNTL_JOURNAL_POINTER, &file);
  if (file == nullptr || file->pMethods == nullptr) return ok_status();
  sqlite3_int64 size = 0;
  int code = file->pMethods->xFileSize(file, &size);
  std::vector<char> chunk(std::size_t{1} << 16);  // the unix VFS writes less than 128 KiB at once
  for (sqlite3_int64 at = 0; code == SQLITE_OK && at < size; at += static_cast<sqlite3_int64>(chunk.size())) {
    const int length = static_cast<int>(std::min<sqlite3_int64>(size - at, static_cast<sqlite3_int64>(chunk.size())));
    code = file->pMethods->xRead(file, chunk.data(), length, at);
    if (code == SQLITE_OK) code = file->pMethods->xWrite(file, chunk.data(), length, at);
  }
  if (code == SQLITE_OK && size > 0) code = file->pMethods->xSync(file, SQLITE_SYNC_NORMAL);
  if (code != SQLITE_OK) return failure(connection_.get(), code);
  return ok_status();
}

void Database::checkpoint_on_close(bool yes) {
  sqlite3_db_config(connection_.get(), SQLITE_DBCONFIG_NO_CKPT_ON_CLOSE, yes ? 0 : 1, nullptr);
}

}  // namespace penstock
