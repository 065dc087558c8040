#include "sandbox/sandbox_subject.h"

#include <cstdlib>

namespace resprobe::sandbox {
namespace {

constexpr uint64_t kSimulatedMs = 1000;

}  // namespace

std::unique_ptr<SandboxSubject> SandboxSubject::Make(const Options& options, std::string* error) {
  std::unique_ptr<SandboxSubject> subject(new SandboxSubject);
  if (!subject->folder_.Make(error)) return nullptr;
  // Time stands still until Advance().
  subject->fresh_ = Sandbox::Make(
      {.seed = options.seed, .start_ms = options.start_ms, .call_ns = 0, .cpu = options.cpu},
      error);
  if (subject->fresh_ == nullptr) return nullptr;
  SandboxNodeOptions node;
  node.program = options.program;
  node.directory = subject->folder_.MakeNext();
  node.arguments = {
      "--port", std::to_string(kPort), "--bind", "0.0.0.0",   "--save", "", "--appendonly",
      "no",     "--protected-mode",    "no",     "--logfile", "log"};
  node.arguments.insert(node.arguments.end(), options.arguments.begin(), options.arguments.end());
  if (!subject->fresh_->AddNode(node).Start(error)) return nullptr;
  return subject;
}

void SandboxSubject::Reset() {
  clients_.clear();
  run_.reset();
  folder_.Delete(&run_folder_);
  run_folder_ = folder_.MakeNext();
  run_ = fresh_->Copy(run_folder_, &error_);
  if (run_ == nullptr) std::abort();  // the system gives no processes or memory any more
}

uint64_t SandboxSubject::Connect() {
  const uint64_t connection = run_->Dial(0, kPort);
  clients_.try_emplace(connection);
  Settle();
  return connection;
}

void SandboxSubject::Drain() {
  for (auto& [connection, client] : clients_) {
    if (client.open) client.open = run_->Read(connection, &client.arrived);
  }
}

void SandboxSubject::Settle() {
  for (;;) {
    const Sandbox::Stop stop = run_->RunUntilArrival(run_->now_us());
    Drain();
    if (stop == Sandbox::Stop::kFailed) error_ = run_->error();
    if (stop == Sandbox::Stop::kFailed || stop == Sandbox::Stop::kTime) return;
  }
}

void SandboxSubject::Send(uint64_t connection, std::string_view bytes) {
  if (!IsOpen(connection)) return;
  while (!bytes.empty()) {
    const size_t sent = run_->Write(connection, bytes);
    bytes.remove_prefix(sent);
    Settle();
    if (sent == 0) break;  // it reads no more
  }
}

void SandboxSubject::Receive(uint64_t connection, std::string* append) {
  const auto at = clients_.find(connection);
  if (at == clients_.end()) return;
  append->append(at->second.arrived);
  at->second.arrived.clear();
}

bool SandboxSubject::HasOutput(uint64_t connection) const {
  const auto at = clients_.find(connection);
  return at != clients_.end() && !at->second.arrived.empty();
}

bool SandboxSubject::IsOpen(uint64_t connection) const {
  const auto at = clients_.find(connection);
  return at != clients_.end() && at->second.open;
}

void SandboxSubject::Close(uint64_t connection) {
  if (clients_.erase(connection) == 0) return;
  run_->Close(connection);
  Settle();
}

void SandboxSubject::Advance(uint64_t ms) {
  if (ms > kSimulatedMs) {
    run_->node(0).JumpClock(static_cast<int64_t>(ms - kSimulatedMs) * 1000);
    ms = kSimulatedMs;
  }
  const int64_t until = run_->now_us() + static_cast<int64_t>(ms) * 1000;
  while (run_->RunUntilArrival(until) == Sandbox::Stop::kArrival) Drain();
  Settle();
}

uint64_t SandboxSubject::now_ms() const { return static_cast<uint64_t>(run_->node(0).now_ms()); }

const std::string& SandboxSubject::ending() const { return run_->node(0).ending(); }

}  // namespace resprobe::sandbox
