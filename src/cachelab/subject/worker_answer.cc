#include "cachelab/subject/worker_answer.h"

#include "core/resp/reply_parser.h"
#include "core/resp/writer.h"

namespace resprobe::cachelab {
namespace {

constexpr size_t kFields = 11;

}  // namespace

void AppendAnswer(std::string* out, const WorkerAnswer& answer, std::string_view reply) {
  resp::Writer writer(out, 3);
  writer.ArrayHeader(kFields);
  writer.Integer(static_cast<int64_t>(answer.status));
  writer.Integer(answer.hit ? 1 : 0);
  writer.Integer(answer.torn ? 1 : 0);
  writer.Integer(static_cast<int64_t>(answer.stored));
  writer.Integer(answer.grant.writer);
  writer.Integer(static_cast<int64_t>(answer.grant.generation));
  writer.Integer(answer.grant.pid);
  writer.Integer(answer.grant.client_id);
  writer.Integer(answer.client_id);
  writer.BulkString(answer.why);
  writer.BulkString(reply);
}

bool ReadAnswer(const resp::ReplyView& message, WorkerAnswer* answer) {
  if (message.type() != resp::Type::kArray || message.size() != kFields) return false;
  int64_t numbers[9];
  std::string_view texts[2];
  size_t i = 0;
  for (const resp::ReplyView field : message) {
    if (i < 9) {
      numbers[i] = field.integer();
    } else {
      texts[i - 9] = field.text();
    }
    ++i;
  }
  answer->status = static_cast<WorkerAnswer::Status>(numbers[0]);
  answer->hit = numbers[1] != 0;
  answer->torn = numbers[2] != 0;
  answer->stored = static_cast<WorkerAnswer::Stored>(numbers[3]);
  answer->grant = {static_cast<int>(numbers[4]), static_cast<uint64_t>(numbers[5]),
                   static_cast<pid_t>(numbers[6]), numbers[7]};
  answer->client_id = numbers[8];
  answer->why = texts[0];
  if (answer->status == WorkerAnswer::Status::kLost) return true;
  // The reply's own bytes, which may be malformed if torn.
  resp::ReplyParser parser;
  const resp::ReplyParser::Result result = parser.Parse(texts[1]);
  if (result.status != resp::ReplyParser::Status::kValue) {
    if (!answer->torn) return false;
    parser.Reset();
    parser.Parse("_\r\n");
  }
  parser.Take(&answer->reply);
  return true;
}

}  // namespace resprobe::cachelab
