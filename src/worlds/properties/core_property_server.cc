#include "worlds/properties/core_property_server.h"

#include <utility>
#include <vector>

#include "core/resp/writer.h"

namespace resprobe {
namespace {

constexpr Network::Endpoint kServerAt = 0;
constexpr Network::Endpoint kClientAt = 1;
constexpr int64_t kCronUs = 100'000;
// Without faults a reply comes within far less.
constexpr int64_t kPatienceUs = 10'000'000;

class FilesWithoutSync : public ForwardingFiles {
 public:
  using ForwardingFiles::ForwardingFiles;
  int Sync(int) override { return 0; }
  int SyncUpTo(int, uint64_t) override { return 0; }
};

std::unique_ptr<FileSystem> MakeFiles(FileSystem* files, bool syncs) {
  if (syncs) return std::make_unique<ForwardingFiles>(files);
  return std::make_unique<FilesWithoutSync>(files);
}

}  // namespace

CorePropertyServer::CorePropertyServer(bool syncs) : files_(MakeFiles(&disk_files_, syncs)) {}

bool CorePropertyServer::StartServer(std::string* error) {
  ServerConfig config;
  config.profile = profile_;
  config.persistence.appendonly = true;
  config.persistence.appendfsync = AppendFsync::kAlways;
  core_.core()->Configure(config);
  node_.Start();
  if (!core_.core()->Start(files_.get(), node_.process(), &log_)) {
    *error = "the server does not start: " + log_.last;
    return false;
  }
  node_.Listen(kCronUs);
  arrived_.clear();
  why_none_.clear();
  parser_.Reset();
  end_ = network_.Dial(kClientAt, kServerAt);
  return true;
}

bool CorePropertyServer::Reset(Profile profile, std::string* error) {
  profile_ = profile;
  scheduler_.Reset();
  network_.Reset(2);
  network_.Attach(kClientAt, this);
  choices_.Reset(0);
  disk_.Reset({}, &choices_);
  node_.Reset(&scheduler_, &network_, kServerAt, &core_, &disk_);
  return StartServer(error);
}

std::optional<resp::ReplyView> CorePropertyServer::Ask(std::span<const std::string> words) {
  if (end_ == End::kNone) return std::nullopt;
  const std::vector<std::string_view> views(words.begin(), words.end());
  std::string request;
  resp::AppendRequest(&request, views);
  network_.Send(end_, request);
  const int64_t until = scheduler_.now_us() + kPatienceUs;
  while (scheduler_.now_us() < until) {
    const resp::ReplyParser::Result result = parser_.Parse(std::exchange(arrived_, {}));
    if (result.status == resp::ReplyParser::Status::kValue) return parser_.reply().root();
    if (result.status == resp::ReplyParser::Status::kError) {
      why_none_ = "no RESP: " + parser_.error().message();
      return std::nullopt;
    }
    if (end_ == End::kNone || !scheduler_.RunNext()) break;
  }
  why_none_ = end_ == End::kNone ? "the server closes the connection" : "no reply in 10 s";
  return std::nullopt;
}

void CorePropertyServer::Pass(int64_t ms) { scheduler_.RunUntil(scheduler_.now_us() + ms * 1000); }

bool CorePropertyServer::Crash(std::string* error) {
  if (end_ != End::kNone) network_.Close(end_, Network::Farewell::kReset);
  end_ = End::kNone;
  node_.Crash(CrashKind::kMachine);
  // The new process is a moment of its own.
  scheduler_.RunUntil(scheduler_.now_us() + 1);
  return StartServer(error);
}

void CorePropertyServer::OnBytes(End /*end*/, std::string_view bytes) { arrived_ += bytes; }

void CorePropertyServer::OnEnd(End end, Network::Farewell /*how*/, bool /*refused*/) {
  network_.Close(end);
  if (end == end_) end_ = End::kNone;
}

}  // namespace resprobe
