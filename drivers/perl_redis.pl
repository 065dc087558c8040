# Driver of Perl's Redis (docs/client-drivers.md). After an error the program makes a new client,
# unless it reconnects by itself.
use strict;
use warnings;
use JSON::PP;
use Redis;

$| = 1;
$SIG{PIPE} = 'IGNORE';    # docs/findings/client-sigpipe.md
my $json = JSON::PP->new->ascii->max_depth(1_000_000);

sub say_line { print $json->encode($_[0]), "\n" }

sub plain {
  my $value = shift;
  return ref $value eq 'ARRAY' ? [map { plain($_) } @$value] : $value;
}

sub tell_error {
  my ($id, $text) = @_;
  my $kind = $text =~ /timeout|timed out/i                        ? 'timeout'
    : $text =~ /unknown answer|protocol|unexpected/i                ? 'protocol'
    : $text =~ /^\[.*\] (ERR|WRONGTYPE|LOADING|NOAUTH)/             ? 'server'
    : $text =~ /closed|refused|connect|reset|server|EOF|read|write/i ? 'closed'
    :                                                                  'other';
  $text =~ s/^\[.*?\] (?=ERR|WRONG|LOADING|NOAUTH)// if $kind eq 'server';
  $text =~ s/, at .*//s;
  say_line({id => $id, error => $text, kind => $kind});
}

my ($client, $subscriber, $opened);

sub make {
  my %options = (server => "$opened->{host}:$opened->{port}", no_auto_connect_on_new => 0);
  $options{read_timeout} = $options{write_timeout} = $opened->{timeout_ms} / 1000
    if $opened->{timeout_ms};
  @options{qw(reconnect every)} = (1, 10_000) if $opened->{retry};
  return Redis->new(%options);
}

say_line({driver => 1, client => "Redis.pm $Redis::VERSION", can => [qw(timeout retry subscribe)]});
while (my $line = <STDIN>) {
  my $request = $json->decode($line);
  if ($request->{do} eq 'open') {
    ($client, $subscriber, $opened) = (undef, undef, $request);
  } elsif ($request->{do} eq 'command') {
    my ($name, @words) = @{$request->{words}};
    my $value = eval { $client //= make(); my $v = $client->__std_cmd(lc $name, @words); [$v] };
    if ($value) {
      my $reply = plain($value->[0]);
      $reply += 0 if $name eq 'RPUSH' && defined $reply && $reply =~ /^-?\d+$/;
      say_line({id => $request->{id}, reply => $reply});
    } else {
      my $text = "$@";    # which may be an object
      tell_error($request->{id}, $text);
      $client = undef if $text !~ /\] (ERR|WRONGTYPE) /;
    }
  } elsif ($request->{do} eq 'subscribe') {
    my ($id, $channel) = ($request->{id}, $request->{words}[1]);
    my $take = sub { say_line({id => $id, message => $_[0]}) };
    # It returns once the confirmation has come, and does not hand it out.
    if (eval { $subscriber //= make(); $subscriber->subscribe($channel, $take); 1 }) {
      say_line({id => $id, reply => ['subscribe', $channel, $subscriber->is_subscriber + 0]});
    } else {
      tell_error($id, "$@");
      $subscriber = undef;
    }
  } elsif ($request->{do} eq 'tick') {
    $subscriber = undef unless eval { $subscriber->wait_for_messages(0) if $subscriber; 1 };
  } elsif ($request->{do} eq 'close') {
    for my $each ($client, $subscriber) { eval { $each->quit } if $each }
    ($client, $subscriber) = ();
  }
  say_line({ready => JSON::PP::true});
}
