#include "findings/finding_store.h"

#include <fcntl.h>
#include <sys/file.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <cstring>
#include <utility>

#include "runner/user_error.h"

namespace resprobe::findings {

// Excludes other runs while a folder changes. Held only briefly.
class FindingStore::Lock {
 public:
  explicit Lock(const fs::path& root) {
    runner::MakeFolder(root);
    const fs::path file = root / ".lock";
    fd_ = open(file.c_str(), O_RDWR | O_CREAT | O_CLOEXEC, 0666);
    if (fd_ < 0)
      throw runner::UserError(file.string() + ": cannot be opened: " + std::strerror(errno));
    while (flock(fd_, LOCK_EX) != 0 && errno == EINTR) {
    }
  }
  ~Lock() { close(fd_); }
  Lock(const Lock&) = delete;
  Lock& operator=(const Lock&) = delete;

 private:
  int fd_;
};

FindingStore::Claim::Claim(const fs::path& folder)
    : fd_(open(folder.c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC)) {
  if (fd_ >= 0 && flock(fd_, LOCK_EX | LOCK_NB) != 0) close(std::exchange(fd_, -1));
}

FindingStore::Claim::~Claim() {
  if (fd_ >= 0) close(fd_);
}

namespace {

// What Begin() has not completed yet is in a folder whose name begins so.
constexpr char kTorn[] = ".new-";

bool HasReport(const fs::path& folder) {
  std::error_code error;
  return fs::is_regular_file(folder / "report.json", error);
}

[[noreturn]] void ThrowDamaged(const fs::path& report, const std::string& what) {
  throw runner::UserError(report.string() + ": is damaged: " + what +
                          ": delete it, and name the file case.ops beside it");
}

bool HasText(const Json& json, const char* key) {
  const auto at = json.find(key);
  return at != json.end() && at->is_string() && !at->get_ref<const std::string&>().empty();
}

// Throws UserError that names the file if it is damaged.
Json ReadReport(const fs::path& report) {
  const std::string text = runner::ReadFile(report);
  Json json = Json::parse(text, nullptr, false);
  if (json.is_discarded()) ThrowDamaged(report, text.empty() ? "it is empty" : "it is not JSON");
  return json;
}

}  // namespace

bool IsFinding(const fs::path& folder) {
  // The report of a campaign has no signature.
  return HasReport(folder) && HasText(ReadReport(folder / "report.json"), "signature");
}

StoredFailure ReadFinding(const fs::path& folder_or_report) {
  std::error_code error;
  const bool folder = fs::is_directory(folder_or_report, error);
  const fs::path report = folder ? folder_or_report / "report.json" : folder_or_report;
  const Json json = ReadReport(report);
  if (HasText(json, "signature") && !HasText(json, "harness")) {
    ThrowDamaged(report, "it names no harness");
  }
  StoredFailure stored;
  stored.folder = folder ? folder_or_report : fs::path();
  stored.failure = ReadFailure(json, report.string(), &stored.missing);
  if (!folder) return stored;
  FailingCase& input = stored.failure.input;
  if (const fs::path file = folder_or_report / "case"; fs::exists(file, error)) {
    input.tape = runner::ReadFile(file);
  }
  if (const fs::path file = folder_or_report / "original"; fs::exists(file, error)) {
    input.original = runner::ReadFile(file);
  }
  if (const fs::path file = folder_or_report / "case.ops"; fs::exists(file, error)) {
    input.text = runner::ReadFile(file);
  }
  return stored;
}

std::optional<StoredFailure> FindingOfCase(const fs::path& file) {
  const fs::path name = file.filename();
  if (name != "case" && name != "case.ops" && name != "original") return std::nullopt;
  if (!IsFinding(file.parent_path())) return std::nullopt;
  return ReadFinding(file.parent_path());
}

fs::path CaseFileOf(const StoredFailure& stored, const fs::path& temp) {
  std::error_code error;
  if (!stored.folder.empty()) {
    for (const char* name : {"case", "case.ops", "original"}) {
      if (const fs::path file = stored.folder / name; fs::exists(file, error)) return file;
    }
  }
  const FailingCase& input = stored.failure.input;
  if (!input.text.empty()) {
    runner::WriteFile(temp / "case.ops", input.text);
    return temp / "case.ops";
  }
  if (input.tape.empty()) {
    throw runner::UserError(stored.folder.string() + ": holds no case: name the case file itself");
  }
  runner::WriteFile(temp / "case", input.tape);
  return temp / "case";
}

FindingStore::FindingStore(const runner::Project& project) : root_(project.work / "findings") {}

std::vector<StoredFailure> FindingStore::List(std::vector<std::string>* broken) const {
  std::vector<fs::path> folders;
  std::error_code error;
  for (fs::recursive_directory_iterator at(root_, error), end; !error && at != end;
       at.increment(error)) {
    if (!at->is_directory(error)) continue;
    if (at->path().filename().string().starts_with('.')) {
      at.disable_recursion_pending();
    } else if (HasReport(at->path())) {
      folders.push_back(at->path());
    }
  }
  std::sort(folders.begin(), folders.end());
  std::vector<StoredFailure> all;
  for (const fs::path& folder : folders) {
    try {
      all.push_back(ReadFinding(folder));
    } catch (const runner::UserError& unreadable) {
      broken->emplace_back(unreadable.what());
    }
  }
  return all;
}

std::vector<StoredFailure> FindingStore::Unfinished() const {
  std::vector<std::string> broken;
  std::vector<StoredFailure> all = List(&broken);
  std::erase_if(all, [](const StoredFailure& one) {
    return !one.failure.interrupted || !Claim(one.folder).valid();
  });
  return all;
}

std::optional<StoredFailure> FindingStore::Find(const std::string& harness,
                                                const std::string& prefix,
                                                const std::string& signature,
                                                const ServerSpec* server) const {
  const fs::path first = root_ / harness / (prefix + FileNameOf(signature));
  for (int i = 1;; ++i) {
    const fs::path folder = i == 1 ? first : fs::path(first.string() + "-" + std::to_string(i));
    std::error_code error;
    if (!fs::exists(folder, error)) return std::nullopt;
    try {
      StoredFailure stored = ReadFinding(folder);
      const ServerSpec& its = stored.failure.run.server;
      const bool same = server == nullptr || its.Identity() == server->Identity();
      if (same && stored.failure.what.signature == signature) return stored;
    } catch (const runner::UserError&) {  // it was interrupted before its report; write it anew
    }
  }
}

fs::path FindingStore::FreeFolder(const fs::path& wanted) const {
  std::error_code error;
  fs::path folder = wanted;
  // A folder without a report is from a run that was killed before it wrote one.
  for (int i = 2; HasReport(folder); ++i) {
    folder = wanted.string() + "-" + std::to_string(i);
  }
  return folder;
}

void FindingStore::WriteFiles(const fs::path& folder, const Failure& failure,
                              const std::map<std::string, std::string>& files) const {
  runner::MakeFolder(folder);
  runner::WriteFile(folder / "original", failure.input.original);
  runner::WriteFile(folder / "case", failure.input.tape);
  if (!failure.input.text.empty()) runner::WriteFile(folder / "case.ops", failure.input.text);
  for (const auto& [name, content] : files) runner::WriteFile(folder / name, content);
  runner::WriteFile(folder / "report.json", ToJson(failure).dump(2) + "\n");
}

fs::path FindingStore::Begin(const std::string& prefix, const Failure& failure,
                             const std::map<std::string, std::string>& files) {
  const Lock lock(root_);
  DeleteTorn();
  const fs::path folder =
      FreeFolder(root_ / failure.run.harness / (prefix + FileNameOf(failure.what.signature)));
  const fs::path torn = root_ / (kTorn + std::to_string(getpid()));
  std::error_code error;
  try {
    WriteFiles(torn, failure, files);
    runner::MakeFolder(folder.parent_path());
  } catch (const runner::UserError&) {
    fs::remove_all(torn, error);
    throw;
  }
  fs::remove_all(folder, error);  // what an earlier version left there has no report
  fs::rename(torn, folder, error);
  if (error) throw runner::UserError(folder.string() + ": cannot be created: " + error.message());
  return folder;
}

void FindingStore::DeleteTorn() const {
  std::error_code error;
  for (fs::directory_iterator at(root_, error), end; !error && at != end; at.increment(error)) {
    std::error_code ignored;
    if (at->path().filename().string().starts_with(kTorn)) fs::remove_all(at->path(), ignored);
  }
}

fs::path FindingStore::Rename(const fs::path& folder, const std::string& prefix,
                              const Failure& failure) {
  const Lock lock(root_);
  const fs::path renamed =
      FreeFolder(root_ / failure.run.harness / (prefix + FileNameOf(failure.what.signature)));
  std::error_code error;
  fs::remove_all(renamed, error);  // what a killed run left there has no report
  fs::rename(folder, renamed, error);
  if (error) throw runner::UserError(folder.string() + ": cannot be renamed: " + error.message());
  return renamed;
}

void FindingStore::Write(const fs::path& folder, const Failure& failure,
                         const std::map<std::string, std::string>& files) {
  const Lock lock(root_);
  WriteFiles(folder, failure, files);
}

void FindingStore::AddVariant(const fs::path& folder, const Failure& variant) {
  const Lock lock(root_);
  StoredFailure stored = ReadFinding(folder);
  Json& variants = stored.failure.what.details["variants"];
  if (!variants.is_array()) variants = Json::array();
  for (const Json& one : variants) {
    if (one.value("signature", "") == variant.what.signature) return;
  }
  variants.push_back({{"signature", variant.what.signature},
                      {"expected", variant.what.expected},
                      {"seen", variant.what.seen},
                      {"case", variant.input.text}});
  runner::WriteFile(folder / "report.json", ToJson(stored.failure).dump(2) + "\n");
}

void FindingStore::Count(const fs::path& folder, uint64_t times, const RunSpec& run) {
  const Lock lock(root_);
  StoredFailure stored = ReadFinding(folder);
  stored.failure.met += times;
  stored.failure.last_seen = TimeNow();
  stored.failure.run = run;
  runner::WriteFile(folder / "report.json", ToJson(stored.failure).dump(2) + "\n");
}

void FindingStore::SetState(const fs::path& folder, const std::string& state) {
  const Lock lock(root_);
  StoredFailure stored = ReadFinding(folder);
  stored.failure.checked = TimeNow();
  stored.failure.state = state;
  if (state == "failing") stored.failure.last_seen = stored.failure.checked;
  runner::WriteFile(folder / "report.json", ToJson(stored.failure).dump(2) + "\n");
}

void FindingStore::SetAside(const fs::path& folder) {
  SetState(folder, "gone");
  const Lock lock(root_);
  fs::path aside = folder.string() + "-mended";
  std::error_code error;
  for (int i = 2; fs::exists(aside, error); ++i) {
    aside = folder.string() + "-mended-" + std::to_string(i);
  }
  fs::rename(folder, aside, error);
  if (error) throw runner::UserError(folder.string() + ": cannot be renamed: " + error.message());
}

void FindingStore::Remove(const fs::path& folder) {
  const Lock lock(root_);
  std::error_code error;
  fs::remove_all(folder, error);
  if (error) throw runner::UserError(folder.string() + ": cannot be removed: " + error.message());
}

}  // namespace resprobe::findings
