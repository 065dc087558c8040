#include "live/server/live_server.h"

#include <poll.h>
#include <signal.h>

#include <algorithm>
#include <charconv>
#include <chrono>
#include <cstdlib>
#include <optional>

#include "core/resp/reply.h"
#include "core/table/letter_case.h"
#include "core/table/table.h"
#include "live/net/resp_probe.h"
#include "live/net/socket.h"
#include "live/server/output_keeper.h"
#include "live/server/sandboxed_server.h"
#include "live/server/server_process.h"

namespace resprobe::live {
namespace {

// The limit on one string in a private server: the minimum that redis accepts for
// proto-max-bulk-len. The core has the same limit.
constexpr int64_t kOwnMaxBulk = 1 << 20;
constexpr int kReportWithinMs = 3000;
constexpr int kEndsWithinMs = 200;
// The interval at which a wait polls `stop`.
constexpr int kLookMs = 100;
constexpr size_t kWholeReport = 1 << 20;
// The output of a started process, and its log.
constexpr const char* kLogs[] = {"/output", "/log"};

// The value of "name:value" in the text of INFO; empty if there is none.
std::string_view InfoField(std::string_view info, std::string_view name) {
  for (size_t at = 0; at < info.size();) {
    size_t end = info.find("\r\n", at);
    if (end == std::string_view::npos) end = info.size();
    std::string_view line = info.substr(at, end - at);
    if (line.starts_with(name) && line.substr(name.size()).starts_with(':')) {
      return line.substr(name.size() + 1);
    }
    at = end + 2;
  }
  return {};
}

int64_t SystemMs() {
  return std::chrono::duration_cast<std::chrono::milliseconds>(
             std::chrono::system_clock::now().time_since_epoch())
      .count();
}

}  // namespace

std::unique_ptr<LiveServer> LiveServer::Open(const TargetOptions& options, std::string* error) {
  std::unique_ptr<LiveServer> target(new LiveServer(options));
  if (target->own() && !target->Start(error)) {
    *error = WhyNoServer(options, *error);
    return nullptr;
  }
  if (!target->Interview(error)) return nullptr;
  return target;
}

LiveServer::~LiveServer() {
  // After `stop`, do not wait for a server that may hang; it has nothing to save.
  if (process_ != nullptr && options_.stop()) process_->Signal(SIGKILL);
}

bool LiveServer::Start(std::string* error) {
  const auto start = [&](std::string* why) {
    std::optional<ServerProcessOptions> process = ProcessOf(options_, why);
    if (!process) return false;
    log_seen_ = {};
    process_.reset();
    const auto launch = [&] {
      if (options_.sandbox) {
        process_ = SandboxedServer::Start(*process, why);
      } else {
        process_ = ServerProcess::Start(*process, why);
      }
      return process_ != nullptr;
    };
    if (process->own_words()) return launch();
    std::vector<std::string> first = {"--proto-max-bulk-len", std::to_string(kOwnMaxBulk)};
    if (modern_) {
      first.insert(first.end(), {"--enable-debug-command", options_.sandbox ? "yes" : "local",
                                 "--crash-memcheck-enabled", "no"});
    }
    process->arguments.insert(process->arguments.begin(), first.begin(), first.end());
    return launch();
  };
  if (start(error)) return true;
  // Servers before redis 7.0 do not know these options, and permit DEBUG without them.
  if (!modern_ || error->find("ended at once") == std::string::npos) return false;
  modern_ = false;
  std::string ignored;
  return start(&ignored);
}

Link LiveServer::Dial(std::string* error) const {
  if (process_ != nullptr) return process_->Dial(error);
  return ConnectTo(options_, error);
}

UniqueFd LiveServer::Connect(std::string* error) const {
  Link link = Dial(error);
  if (link.channel != nullptr) *error = "a server in a sandbox has no sockets";
  return std::move(link.fd);
}

int64_t LiveServer::now_ms() const {
  return has_virtual_time() ? process_->now_ms() : SystemMs() + clock_ahead_ms_;
}

std::string ServerEnd::Text() const {
  const std::string text = ended ? "server has ended" : "server hangs";
  return what.empty() ? text : text + ": " + what;
}

std::optional<ServerEnd> LiveServer::AwaitEnd(int ms) const {
  ServerEnd end;
  end.ended = true;
  if (process_ == nullptr) {
    // A stopped process still accepts connections; so does one that is about to end, but it then
    // closes them.
    std::string ignored;
    UniqueFd fd = Connect(&ignored);
    pollfd lost = {fd.get(), POLLIN, 0};
    if (fd.valid() && poll(&lost, 1, kEndsWithinMs) > 0) fd = Connect(&ignored);
    return fd.valid() ? std::nullopt : std::optional(end);
  }
  std::optional<std::string> how = process_->AwaitEnd(0);
  if (!how) {
    // A server that refuses connections is about to end; one that accepts them may be, too.
    std::string ignored;
    if (Dial(&ignored).valid()) ms = std::min(ms, kEndsWithinMs);
    for (; !how && ms > 0 && !options_.stop(); ms -= kLookMs) {
      how = process_->AwaitEnd(std::min(ms, kLookMs));
    }
  }
  if (!how && !options_.stop() && ReadCrashReport(UnreadLog())) {
    how = process_->AwaitEnd(kReportWithinMs);
    if (!how) {
      process_->Signal(SIGKILL);
      how = "it hangs after its crash report";
    }
  }
  if (!how) return std::nullopt;
  const std::string log = Log(kWholeReport);
  end.out_of_memory = log.find("Out Of Memory allocating") != log.npos;
  end.what = *how;
  if (const std::optional<CrashReport> report = ReadCrashReport(log)) {
    end.what = report->Text();
    end.command = report->command;
  }
  return end;
}

ServerEnd LiveServer::FindEnd(int ms) const {
  if (std::optional<ServerEnd> end = AwaitEnd(ms)) return *std::move(end);
  if (process_ != nullptr && !options_.stop()) {
    process_->Signal(SIGABRT);
    if (!process_->AwaitEnd(kReportWithinMs)) process_->Signal(SIGKILL);
  }
  return {};
}

bool LiveServer::Restart(std::string* error) {
  // The old process has nothing to save.
  if (process_ != nullptr) process_->Signal(SIGKILL);
  return Start(error) && Interview(error);
}

std::string LiveServer::Log(size_t most) const {
  std::string all;
  for (size_t i = 0; i < std::size(kLogs); ++i) all += LogFrom(i, 0);
  return all.size() <= most ? all : all.substr(all.size() - most);
}

std::optional<CrashReport> LiveServer::NewReport() {
  const std::string news = NewLog();
  return news.empty() ? std::nullopt : ReadCrashReport(news);
}

std::string LiveServer::NewLog() {
  std::string all;
  for (size_t i = 0; i < std::size(kLogs); ++i) all += LogFrom(i, log_seen_[i], &log_seen_[i]);
  return all;
}

std::string LiveServer::UnreadLog() const {
  std::string all;
  for (size_t i = 0; i < std::size(kLogs); ++i) all += LogFrom(i, log_seen_[i]);
  return all;
}

std::string LiveServer::LogFrom(size_t file, uintmax_t start, uintmax_t* end) const {
  if (process_ == nullptr) return {};
  process_->CatchUpOutput();
  uintmax_t ignored = 0;
  return ReadOutput(process_->folder() + kLogs[file], start, end == nullptr ? &ignored : end);
}

// What a server of any kind need not answer is asked last.
bool LiveServer::Interview(std::string* error) {
  if (!Dial(error).valid()) {
    // The user named it, unless it has been there before.
    if (version_.empty()) *error = WhyNoServer(options_, *error);
    return false;
  }
  RespProbe server([this](std::string* why) { return Dial(why); }, options_.hang_ms, options_.stop);
  const std::string who = own() ? options_.start : CliArguments();
  // Asks; false with `error` if the server hangs, or is gone.
  const auto ask = [&](std::string_view request, std::optional<resp::ReplyView>* reply) {
    *reply = server.Ask(request);
    if (server.silent()) {
      *error = "the server takes a connection and says nothing to " +
               std::string(request.substr(0, request.find(' '))) + " for " +
               std::to_string(options_.hang_ms / 1000) + " s: " + who +
               ": is it a RESP server, and does it hang? --hang gives it longer";
      return false;
    }
    if (server.lack() != RespProbe::Lack::kNoConnection) return true;
    *error = server.error();
    return false;
  };
  const auto wants_password = [&](const std::optional<resp::ReplyView>& reply) {
    if (!reply || !reply->is_error() || !reply->text().starts_with("NOAUTH")) return false;
    *error = "the server wants a password, which resprobe cannot give: " + who +
             ": start it without requirepass";
    return true;
  };
  std::optional<resp::ReplyView> reply;
  if (own() && !commands_.empty()) {
    // A restart: what it has answered before holds for the new process, apart from its settings.
    if (!ask("DEBUG SET-ACTIVE-EXPIRE 0", &reply)) return false;
    active_expiry_off_ = reply && reply->text() == "OK";
    return true;
  }
  if (options_.any) {
    if (!ask("PING", &reply)) return false;
    if (!reply) {
      *error = "the server does not answer PING as a RESP server does: " + who +
               ": is it one, and does it run?";
      return false;
    }
    if (wants_password(reply)) return false;
    // The reply to ECHO may be an error, but not that to PING once more.
    const std::string pong(reply->text());
    const bool refused = reply->is_error();
    bool twice = server.more() == RespProbe::More::kAfter;
    if (!ask("ECHO resprobe", &reply)) return false;
    twice |= server.more() == RespProbe::More::kBefore;
    twice |= reply && !reply->is_aggregate() && reply->text() == pong;
    if (!refused && twice) {
      *error = "the server replies twice to PING: " + who + ": each request must have one reply";
      return false;
    }
    server.Disconnect();
  }
  if (!ask("HELLO 2", &reply)) return false;
  if (!reply && !options_.any) {
    *error = "the server does not answer HELLO as a RESP server does: " + who +
             ": is it one, and does it run?";
    return false;
  }
  if (wants_password(reply)) return false;
  version_.clear();
  if (reply && reply->size() > 3 && !(*reply)[1].is_aggregate() && !(*reply)[3].is_aggregate()) {
    version_ = std::string((*reply)[1].text()) + " " + std::string((*reply)[3].text());
  }
  if (version_.empty()) {
    if (!ask("INFO server", &reply)) return false;  // before redis 6
    const std::string_view number = !reply || reply->is_error() || reply->is_aggregate()
                                        ? std::string_view()
                                        : InfoField(reply->text(), "redis_version");
    if (number.empty() && !options_.any) {
      *error = "the server answers neither HELLO nor INFO as a RESP server does: " + who;
      return false;
    }
    version_ = number.empty() ? "a server without a name" : "redis " + std::string(number);
  }
  if (!own() && !options_.flush) {
    constexpr int kMostDatabases = 1024;
    for (int db = 0; db < kMostDatabases; ++db) {
      if (db > 0) {
        if (!ask("SELECT " + std::to_string(db), &reply)) return false;
        if (!reply || reply->is_error()) break;
      }
      if (!ask("DBSIZE", &reply)) return false;
      if (!reply || reply->type() != resp::Type::kInteger) {
        if (!options_.any) break;
        *error =
            "the server cannot say (DBSIZE) whether it holds keys, which a run deletes: "
            "--flush permits it";
        return false;
      }
      if (reply->integer() == 0) continue;
      *error = "the server holds keys, which a run deletes: --flush permits it";
      return false;
    }
  }
  const int64_t now = SystemMs();
  if (!ask("TIME", &reply)) return false;
  if (reply && reply->size() == 2) {
    const auto number = [&](size_t i) {
      return std::strtoll(std::string((*reply)[i].text()).c_str(), nullptr, 10);
    };
    clock_ahead_ms_ = number(0) * 1000 + number(1) / 1000 - now;
    clock_uncertainty_ms_ = SystemMs() - now;
  } else if (options_.allow_remote) {
    // Far more than the clocks of two machines differ.
    clock_uncertainty_ms_ = 10'000'000;
  }
  if (!ask("COMMAND", &reply)) return false;
  if ((!reply || reply->type() != resp::Type::kArray) && !options_.any) {
    *error = "the server does not answer COMMAND: " + who;
    return false;
  }
  commands_.clear();
  if (reply && reply->type() == resp::Type::kArray) ReadCommands(*reply);
  if (!ask("CONFIG GET proto-max-bulk-len", &reply)) return false;
  if (reply && reply->size() == 2) {
    const std::string text((*reply)[1].text());
    std::from_chars(text.data(), text.data() + text.size(), max_bulk_);
  }
  if (!ask("CONFIG GET tracking-table-max-keys", &reply)) return false;
  if (reply && reply->size() == 2) most_tracked_ = (*reply)[1].text();
  if (!ask("DEBUG SET-ACTIVE-EXPIRE 0", &reply)) return false;
  active_expiry_off_ = reply && reply->text() == "OK";
  return true;
}

void LiveServer::ReadCommands(const resp::ReplyView& table) {
  for (const resp::ReplyView command : table) {
    if (command.size() < 1) continue;
    commands_.insert(LowerCase(command[0].text()));
    if (command.size() < 10) continue;
    for (const resp::ReplyView subcommand : command[9]) {
      if (subcommand.size() > 0) commands_.insert(LowerCase(subcommand[0].text()));
    }
  }
}

bool LiveServer::IsRedis(Profile profile) const {
  if (!version_.starts_with("redis ") && !version_.starts_with("valkey ")) return false;
  return std::ranges::all_of(Commands(profile), [&](const Command& command) {
    return command.HasTrait(kNotCompared) || Has(command.full_name());
  });
}

bool LiveServer::ProfileOf(Profile* profile) const {
  const bool valkey = version_.starts_with("valkey ");
  const std::string number = version_.substr(version_.find(' ') + 1);
  bool exact = false;
  for (uint8_t i = 0; !ProfileName(static_cast<Profile>(i)).empty(); ++i) {
    const auto candidate = static_cast<Profile>(i);
    const std::string_view name = ProfileName(candidate);  // "redis-7.0"
    if (name.starts_with("valkey") != valkey) continue;
    if (!exact) *profile = candidate;
    exact |= number.starts_with(std::string(name.substr(name.find('-') + 1)) + ".");
  }
  return exact;
}

std::string LiveServer::CliArguments() const {
  if (process_ != nullptr) return process_->CliArguments();
  if (!options_.unix_path.empty()) return "-s " + options_.unix_path;
  std::string ignored;
  const std::optional<Address> address = ParseAddress(options_.server, &ignored);
  if (!address) return options_.server;
  return "-h " + address->host + " -p " + std::to_string(address->port);
}

}  // namespace resprobe::live
