#include "worlds/aof/aof_tape.h"

#include <algorithm>
#include <string>

#include "core/persistence/aof_manifest.h"
#include "engine/quote.h"
#include "worlds/resp/resp_shrink.h"

namespace resprobe {
namespace {

constexpr std::string_view kMark = "=== ";
constexpr size_t kNone = std::string_view::npos;

// Where the next line `=== …` begins.
size_t NextMark(std::string_view bytes, size_t from) {
  for (size_t at = bytes.find(kMark, from); at != kNone; at = bytes.find(kMark, at + 1)) {
    if (at == 0 || bytes[at - 1] == '\n') return at;
  }
  return kNone;
}

}  // namespace

void AofTape::Decode(Bytes tape) {
  files.clear();
  has_manifest = false;
  const uint8_t flags = tape.empty() ? 0 : tape[0];
  options.profile = flags & 1 ? Profile::kValkey80 : Profile::kRedis70;
  options.load_truncated = (flags & 2) == 0;
  options.keep_faults = (flags & 4) != 0;
  if (tape.size() <= 1) return;
  const std::string_view bytes(reinterpret_cast<const char*>(tape.data()) + 1, tape.size() - 1);
  size_t mark = NextMark(bytes, 0);
  if (mark != 0) {
    const size_t end = mark == kNone ? bytes.size() : mark - 1;
    files.push_back({"i", bytes.substr(0, end)});
  }
  while (mark != kNone && files.size() < kMaxFiles) {
    const size_t name = mark + kMark.size();
    const size_t line_end = std::min(bytes.find('\n', name), bytes.size());
    const size_t begin = std::min(line_end + 1, bytes.size());
    mark = NextMark(bytes, begin);
    const size_t end = mark == kNone ? bytes.size() : std::max(begin, mark - 1);
    files.push_back({bytes.substr(name, line_end - name), bytes.substr(begin, end - begin)});
    has_manifest = has_manifest || files.back().name == kManifestSection;
  }
}

const std::string& AofPathOf(std::string_view section, std::string* path) {
  if (section == kManifestSection) return path->assign(AofManifest::kPath);
  if (section == kOldSection) return path->assign(AofManifest::kLogName);
  return path->assign(AofManifest::kDirectory).append("/").append(section);
}

void ListAofFiles(const AofTape& tape, AofManifest* manifest) {
  manifest->Clear();
  int64_t seq = 0;
  for (const AofTape::File& file : tape.files) {
    if (file.name == kOldSection) continue;
    const bool base = &file == tape.files.data() && file.name.starts_with('b');
    manifest->Add({std::string(file.name), base ? 1 : ++seq,
                   base ? AofFile::Type::kBase : AofFile::Type::kIncr});
  }
}

Tape EncodeAofTape(char options, std::span<const AofTape::File> files) {
  std::string bytes(1, options);
  for (const AofTape::File& file : files) {
    if (files.size() > 1 || file.name != "i") {
      if (bytes.size() > 1) bytes += '\n';
      bytes.append(kMark).append(file.name).append("\n");
    }
    bytes.append(file.bytes);
  }
  return {bytes.begin(), bytes.end()};
}

std::string ShowAofTape(const AofTape& tape) {
  std::string text(TraitsOf(tape.options.profile).name);
  text.append(", aof-load-truncated ").append(tape.options.load_truncated ? "yes" : "no");
  if (tape.options.keep_faults) text.append(", with the servers' faults");
  text += '\n';
  std::string path;
  for (const AofTape::File& file : tape.files) {
    text.append("file ");
    AppendQuoted(&text, AofPathOf(file.name, &path));
    text.append(", ").append(std::to_string(file.bytes.size())).append(" bytes\n");
    for (std::string_view rest = file.bytes; !rest.empty();) {
      const size_t end = std::min(rest.find('\n'), rest.size() - 1) + 1;
      text.append("  ");
      AppendQuoted(&text, rest.substr(0, end));
      text += '\n';
      rest.remove_prefix(end);
    }
  }
  return text;
}

bool ShrinkAofTape(Tape* tape, const std::function<bool(const Tape&)>& still_fails) {
  if (tape->empty()) return false;
  const Tape original = *tape;
  AofTape decoded;
  decoded.Decode(original);
  const char options = static_cast<char>(original[0]);
  std::vector<AofTape::File> files = decoded.files;
  bool any = false;
  for (size_t i = files.size(); i-- > 0 && files.size() > 1;) {
    std::vector<AofTape::File> fewer = files;
    fewer.erase(fewer.begin() + static_cast<std::ptrdiff_t>(i));
    if (!still_fails(EncodeAofTape(options, fewer))) continue;
    files = std::move(fewer);
    any = true;
  }
  std::vector<Tape> contents(files.size());  // keeps what the files refer to
  for (size_t i = 0; i < files.size(); ++i) {
    contents[i].assign(files[i].bytes.begin(), files[i].bytes.end());
    const auto with = [&](const Tape& content) {
      std::vector<AofTape::File> changed = files;
      changed[i].bytes = {reinterpret_cast<const char*>(content.data()), content.size()};
      return EncodeAofTape(options, changed);
    };
    any |=
        ShrinkResp(&contents[i], [&](const Tape& content) { return still_fails(with(content)); });
    files[i].bytes = {reinterpret_cast<const char*>(contents[i].data()), contents[i].size()};
  }
  if (any) *tape = EncodeAofTape(options, files);
  return any;
}

}  // namespace resprobe
