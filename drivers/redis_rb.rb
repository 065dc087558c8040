# Driver of redis-rb 4 (docs/client-drivers.md). It reconnects, and sends again what has failed:
# reconnect_attempts is 1 by default.
require "json"
require "redis"

$stdout.sync = true

# Threads say something, too: in one piece.
def say(what)
  $stdout.write(JSON.generate(what, max_nesting: 0) + "\n")
end

# Each byte as a character.
def text(bytes)
  bytes.dup.force_encoding("ISO-8859-1").encode("UTF-8")
end

def plain(value)
  case value
  when Redis::CommandError then { error: text(value.message) }
  when String then text(value)
  when Array then value.map { |element| plain(element) }
  else value
  end
end

def tell(id, value)
  return say(id: id, reply: plain(value)) unless value.is_a?(Exception)

  kind = case value
         when Redis::CommandError then "server"
         when Redis::TimeoutError then "timeout"
         when Redis::ProtocolError then "protocol"
         when Redis::BaseConnectionError, SystemCallError, IOError then "closed"
         else "other"
         end
  say(id: id, error: text(value.message), kind: kind)
end

def make(request)
  timeout = request["timeout_ms"] / 1000.0
  Redis.new(host: request["host"], port: request["port"], connect_timeout: 5,
            read_timeout: timeout, write_timeout: timeout,
            reconnect_attempts: request["retry"] ? 1 : 0)
end

# subscribe() takes its channels at once, and blocks: each channel has a client and a thread of its own.
def subscribe(opened, id, channel)
  confirmed = Queue.new
  thread = Thread.new(make(opened)) do |own|
    timeout = opened["timeout_ms"] / 1000.0
    call = timeout.positive? ? [:subscribe_with_timeout, timeout, channel] : [:subscribe, channel]
    own.public_send(*call) do |on|
      on.subscribe { |name, count| confirmed << ["subscribe", name, count] }
      on.message { |_, value| say(id: id, message: text(value)) }
    end
  rescue StandardError, NoMemoryError, SystemStackError => e
    confirmed << e
  ensure
    own.close
  end
  tell(id, confirmed.pop)
  thread
end

say(driver: 1, client: "redis-rb #{Redis::VERSION}", can: %w[timeout retry pipeline subscribe])
client = opened = nil
subscribers = []
while (line = $stdin.gets)
  request = JSON.parse(line)
  case request["do"]
  when "open"
    opened = request
    client = make(request)
  when "subscribe"
    subscribers << subscribe(opened, request["id"], request["words"][1])
  when "command"
    begin
      tell(request["id"], client.call(*request["words"]))
    rescue StandardError, NoMemoryError, SystemStackError => e
      tell(request["id"], e)
    end
  when "pipeline"
    commands = request["commands"]
    begin
      futures = nil
      client.pipelined { |pipe| futures = commands.map { |command| pipe.call(*command["words"]) } }
      commands.zip(futures) { |command, future| tell(command["id"], future.value) }
    rescue StandardError, NoMemoryError, SystemStackError => e
      commands.each { |command| tell(command["id"], e) }
    end
  when "close"
    subscribers.each(&:kill).each(&:join).clear
    client.close
  end
  say(ready: true)
end
