#include "core/persistence/aof_manifest.h"

#include <algorithm>
#include <cerrno>
#include <optional>
#include <utility>

#include "core/keyspace/integers.h"
#include "core/persistence/c_number.h"
#include "core/persistence/file_io.h"
#include "core/resp/request_parser.h"
#include "core/table/letter_case.h"

namespace resprobe {
namespace {

constexpr std::string_view kInvalid = "Invalid AOF manifest file format";
constexpr std::string_view kSpace = " \t\r\n";

// The part of a text that a C string has.
std::string_view CText(std::string_view text) { return text.substr(0, text.find('\0')); }

std::string_view Trimmed(std::string_view text) {
  const size_t begin = text.find_first_not_of(kSpace);
  if (begin == std::string_view::npos) return {};
  return text.substr(begin, text.find_last_not_of(kSpace) + 1 - begin);
}

// Words of printable characters without quotes, and spaces between them.
bool HasPlainWords(std::string_view line) {
  return std::ranges::all_of(line,
                             [](char c) { return c >= ' ' && c <= '~' && c != '"' && c != '\''; });
}

bool Printable(char c) { return c > ' ' && c <= '~'; }

// sds.c sdsneedsrepr() and sdscatrepr(): a name that is not one plain word is quoted.
void AppendName(std::string_view name, std::string* out) {
  const auto plain = [](char c) { return Printable(c) && c != '\\' && c != '"'; };
  if (std::ranges::all_of(name, plain)) {
    out->append(name);
    return;
  }
  constexpr std::string_view kHex = "0123456789abcdef";
  *out += '"';
  for (const char c : name) {
    constexpr std::string_view kEscaped = "\n\r\t\a\b\\\"";
    constexpr std::string_view kLetters = "nrtab\\\"";
    if (const size_t at = kEscaped.find(c); at != std::string_view::npos) {
      *out += '\\';
      *out += kLetters[at];
    } else if (Printable(c) || c == ' ') {
      *out += c;
    } else {
      const auto byte = static_cast<uint8_t>(c);
      out->append("\\x");
      *out += kHex[byte >> 4];
      *out += kHex[byte & 15];
    }
  }
  *out += '"';
}

void AppendLine(const AofFile& file, std::string* out) {
  char digits[24];
  out->append("file ");
  AppendName(file.name, out);
  out->append(" seq ").append(FormatInt64(file.seq, digits)).append(" type ");
  *out += static_cast<char>(file.type);
  *out += '\n';
}

void SetName(AofFile* file, int64_t seq, std::string_view suffix) {
  char digits[24];
  file->name.assign(AofManifest::kLogName).append(".");
  file->name.append(FormatInt64(seq, digits)).append(suffix);
  file->seq = seq;
}

bool Logged(PersistenceLog* log, std::string_view before, std::string_view after, int64_t error,
            std::string_view end = {}) {
  if (log != nullptr) {
    std::string text(before);
    text.append(after).append(": ").append(FileErrorText(error)).append(end);
    log->Line(text);
  }
  return false;
}

}  // namespace

std::string AofManifest::PathOf(std::string_view name) {
  std::string path(kDirectory);
  path.append("/").append(name);
  return path;
}

void AofManifest::Clear() {
  has_base_ = dirty_ = false;
  history_.Clear();
  incrs_.Clear();
  base_seq_ = incr_seq_ = 0;
}

bool AofManifest::Parse(std::string_view bytes, AofManifestError* error) {
  Clear();
  *error = {};
  const auto refuse = [&](std::string_view text) {
    error->text = text;
    return false;
  };
  if (bytes.empty()) return refuse("Found an empty AOF manifest");
  for (int number = 1; !bytes.empty(); ++number) {
    // As fgets() reads it: a longer line is several.
    const std::string_view most = bytes.substr(0, kMaxLine);
    const std::string_view line = most.substr(0, most.find('\n') + 1);
    bytes.remove_prefix(line.empty() ? most.size() : line.size());
    if (most[0] == '#') continue;
    if (line.empty() || line.find('\0') != std::string_view::npos) {
      return refuse("The AOF manifest file contains too long line");
    }
    const std::string_view content = Trimmed(line);
    if (content.empty() || !ParseLine(content, error)) {
      error->line = number;
      error->content = content;
      return refuse(content.empty() ? kInvalid : error->text);
    }
  }
  dirty_ = false;
  return true;
}

bool AofManifest::ParseLine(std::string_view line, AofManifestError* error) {
  const auto refuse = [&](std::string_view text) {
    error->text = text;
    return false;
  };
  std::vector<std::string_view>& words = scratch_.words;
  words.clear();
  std::optional<resp::RequestParser> splitter;
  std::string request;
  if (HasPlainWords(line)) {
    for (size_t at = 0; at < line.size(); at = line.find_first_not_of(' ', at)) {
      const size_t end = std::min(line.find(' ', at), line.size());
      words.emplace_back(line.data() + at, end - at);
      at = end;
    }
  } else {
    // The words of an inline request are split in the same way. It does not begin with '*'.
    request.append(" ").append(line).append("\n");
    splitter.emplace();
    if (splitter->Parse(request).status != resp::RequestParser::Status::kRequest) {
      return refuse(kInvalid);
    }
    for (const std::string_view word : splitter->args()) words.push_back(CText(word));
  }
  if (words.size() < 6 || words.size() % 2 != 0) return refuse(kInvalid);
  AofFile& file = scratch_.file;
  file.seq = 0;
  bool named = false;
  char type = '\0';
  for (size_t i = 0; i < words.size(); i += 2) {
    const std::string_view key = words[i];
    const std::string_view value = words[i + 1];
    if (EqualsIgnoringCase(key, "file")) {
      if (value.find_first_of("/\\") != std::string_view::npos) {
        return refuse("File can't be a path, just a filename");
      }
      file.name = value;
      named = true;
    } else if (EqualsIgnoringCase(key, "seq")) {
      file.seq = ParseCNumber(value);
    } else if (EqualsIgnoringCase(key, "type")) {
      type = value.empty() ? '\0' : value[0];
    }
  }
  if (!named || file.seq == 0 || type == '\0') return refuse(kInvalid);
  file.type = static_cast<AofFile::Type>(type);
  if (file.type == AofFile::Type::kBase) {
    if (has_base_) return refuse("Found duplicate base file information");
  } else if (file.type == AofFile::Type::kIncr) {
    if (file.seq <= incr_seq_) return refuse("Found a non-monotonic sequence number");
  } else if (file.type != AofFile::Type::kHistory) {
    return refuse("Unknown AOF file type");
  }
  Add(file);
  return true;
}

void AofManifest::Format(std::string* out) const {
  if (has_base_) AppendLine(base_, out);
  for (const AofFile& file : history()) AppendLine(file, out);
  for (const AofFile& file : incrs()) AppendLine(file, out);
}

bool AofManifest::Load(FileSystem* files, PersistenceLog* log) {
  Clear();
  std::string& bytes = scratch_.bytes;
  const int file = files->Open(kPath, FileSystem::Mode::kRead);
  if (file == -ENOENT || file == -ENOTDIR) return true;
  if (file < 0) {
    return Logged(log, "Fatal error: can't open the AOF manifest file appendonlydir/",
                  "appendonly.aof.manifest for reading", file);
  }
  const int got = ReadOpenFile(files, file, &bytes);
  files->Close(file);
  AofManifestError error;
  if (Parse(bytes, &error) && got >= 0) return true;
  if (got < 0) error = {.text = "Read AOF manifest failed", .content = {}};
  Clear();
  if (log == nullptr) return false;
  log->Line("*** FATAL AOF MANIFEST FILE ERROR ***");
  if (error.line > 0) {
    char digits[24];
    log->Line(
        std::string("Reading the manifest file, at line ").append(FormatInt64(error.line, digits)));
    log->Line(std::string(">>> '").append(error.content).append("'"));
  }
  log->Line(error.text);
  return false;
}

bool AofManifest::Persist(FileSystem* files, PersistenceLog* log) {
  if (!dirty_) return true;
  constexpr std::string_view kName = "appendonly.aof.manifest";
  constexpr std::string_view kTemporary = "temp-appendonly.aof.manifest";
  std::string& bytes = scratch_.bytes;
  bytes.clear();
  Format(&bytes);
  const int file = files->Open(kTemporaryPath, FileSystem::Mode::kReplace);
  if (file < 0) return Logged(log, "Can't open the AOF manifest file ", kTemporary, file);
  const auto write = [&] {
    std::string_view rest = bytes;
    while (!rest.empty()) {
      const int64_t put = WriteAll(files, file, rest);
      if (put < 0) {
        return Logged(log, "Error trying to write the temporary AOF manifest file ", kTemporary,
                      put);
      }
      rest.remove_prefix(static_cast<size_t>(put));
    }
    if (const int error = files->Sync(file); error < 0) {
      return Logged(log, "Fail to fsync the temp AOF file ", kTemporary, error, ".");
    }
    if (const int error = files->Rename(kTemporaryPath, kPath); error < 0) {
      return Logged(log,
                    "Error trying to rename the temporary AOF manifest file "
                    "temp-appendonly.aof.manifest into ",
                    kName, error);
    }
    if (const int error = files->SyncDirectory(kDirectory); error < 0) {
      return Logged(log, "Fail to fsync AOF directory ", kPath, error, ".");
    }
    return true;
  };
  const bool written = write();
  files->Close(file);
  if (written) dirty_ = false;
  return written;
}

void AofManifest::Add(const AofFile& file) {
  dirty_ = true;
  switch (file.type) {
    case AofFile::Type::kBase:
      base_seq_ = file.seq;
      base_ = file;
      has_base_ = true;
      break;
    case AofFile::Type::kHistory:
      history_.Append() = file;
      break;
    case AofFile::Type::kIncr:
      incr_seq_ = file.seq;
      incrs_.Append() = file;
      break;
  }
}

std::string_view AofManifest::NextBase(bool rdb) {
  if (has_base_) {
    base_.type = AofFile::Type::kHistory;
    history_.AddFirst(base_);
  }
  ++base_seq_;
  SetName(&base_, base_seq_, rdb ? ".base.rdb" : ".base.aof");
  base_.type = AofFile::Type::kBase;
  has_base_ = dirty_ = true;
  return base_.name;
}

std::string_view AofManifest::NextIncr() {
  ++incr_seq_;
  AofFile& file = incrs_.Append();
  SetName(&file, incr_seq_, ".incr.aof");
  file.type = AofFile::Type::kIncr;
  dirty_ = true;
  return incrs_.back().name;
}

std::string_view AofManifest::LastIncr() {
  return incrs_.empty() ? NextIncr() : std::string_view(incrs_.back().name);
}

int AofManifest::OpenLastIncr(FileSystem* files) {
  const bool is_new = incrs_.empty();
  const std::string path = PathOf(LastIncr());
  if (is_new) files->Unlink(path);
  return files->Open(path, FileSystem::Mode::kAppend);
}

void AofManifest::MarkRewritten(bool keep_last) {
  if (incrs_.empty()) return;
  const size_t kept = keep_last ? 1 : 0;
  while (incrs_.size() > kept) {
    const size_t last = incrs_.size() - 1 - kept;
    history_.AddFirst(incrs_.files()[last]).type = AofFile::Type::kHistory;
    incrs_.Remove(last);
  }
  dirty_ = true;
}

void AofManifest::ClearHistory() {
  if (history_.empty()) return;
  history_.Clear();
  dirty_ = true;
}

}  // namespace resprobe
