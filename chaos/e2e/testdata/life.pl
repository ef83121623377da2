#!/usr/bin/perl
# The whole life of a domain as Net::EPP, a registrar's toolkit, drives it: life.pl ENDPOINTS NAME, where ENDPOINTS is the cluster's
# endpoints.json. The first registrar works at the first site, the second at the second. It says what it did, waits twice for a line of
# input or for its end, and dies of the first step that fails.
use strict;
use warnings;
use JSON::PP;
use Net::EPP::Simple;
use Net::EPP::Frame::Command::Poll::Req;
use Net::EPP::Frame::Command::Poll::Ack;

$| = 1;
my ($file, $name) = @ARGV;
open(my $in, '<', $file) or die "$file: $!\n";
my $e = decode_json(do { local $/; <$in> });
my ($first, $second) = map { connected($e->{registrars}[$_], $e->{sites}[$_]) } 0, 1;
my $label = (split(/\./, $name))[0];

# Objects that the domain refers to.
step('check of a free name', $first->check_domain($name));
for my $id ("$label-1", "$label-2") {
	step("check of contact $id", $first->check_contact($id));
	step("create of contact $id", $first->create_contact({
		id => $id, voice => '+44.2079460123', fax => '', email => 'perl@example.com', authInfo => 'kQ7-Contact-v2XfWq9LsT4zR8',
		postalInfo => { int => { name => 'Pearl Diver', org => 'Oysters & Sons', addr => { street => ['1 Reef'], city => 'Atoll', sp => '', pc => 'AT0 1LL', cc => 'GB' } } },
	}));
}
my $contact = step('info of a contact', $first->contact_info("$label-1"));
same('its name', $contact->{postalInfo}{int}{name}, 'Pearl Diver');
same('its organization', $contact->{postalInfo}{int}{org}, 'Oysters & Sons');
step('update of a contact', $first->update_contact({
	id => "$label-1", add => { status => ['clientDeleteProhibited'] }, chg => { email => 'pearl@example.net', voice => '+44.2079460999' },
}));
$contact = step('info of it', $first->contact_info("$label-1"));
same('its e-mail', $contact->{email}, 'pearl@example.net');
member('its statuses', 'clientDeleteProhibited', @{ $contact->{status} });
step('update of it back', $first->update_contact({ id => "$label-1", rem => { status => ['clientDeleteProhibited'] } }));
my @outside = map { "ns$_.$label-hosting.test" } 1, 2;
step("create of host $_", $first->create_host({ name => $_, addrs => [] })) for @outside;
refused('check of a host that is there', $first->check_host($outside[0]), 0);

# The domain.
step('create of the domain', $first->create_domain({
	name => $name, period => 1, registrant => "$label-1", contacts => { admin => "$label-1", tech => "$label-2" }, ns => \@outside, authInfo => 'n5B-First-c8YtHj3KpD6mV1xQ',
}));
refused('check of the name', $first->check_domain($name), 0);
my $domain = step('info of the domain', $first->domain_info($name));
same('its sponsor', $domain->{clID}, $e->{registrars}[0]{id});
same('its name servers', join(' ', sort @{ $domain->{ns} }), join(' ', @outside));
same('its registrant', $domain->{registrant}, "$label-1");
my $created = $domain->{exDate};

# Its own name server.
my $inside = "ns3.$name";
step('create of a host inside', $first->create_host({ name => $inside, addrs => [{ ip => '192.31.196.50', version => 'v4' }] }));
step('update of it', $first->update_host({
	name => $inside, add => { addrs => [{ ip => '2001:4:112:cd::50', version => 'v6' }], status => ['clientDeleteProhibited'] },
	rem => { addrs => [{ ip => '192.31.196.50', version => 'v4' }] },
}));
my $host = step('info of it', $first->host_info($inside));
same('its addresses', join(' ', map { $_->{addr} } @{ $host->{addrs} }), '2001:4:112:cd::50');
step('its status off again', $first->update_host({ name => $inside, rem => { status => ['clientDeleteProhibited'] } }));
step('a new name for it', $first->update_host({ name => $inside, chg => { name => "ns4.$name" } }));
$inside = "ns4.$name";

# Changes of the domain: delegation, statuses, registrant, a DS record.
step('update of the domain', $first->update_domain({
	name => $name, add => { ns => [$inside], status => ['clientHold'] }, rem => { ns => [$outside[1]], contacts => { tech => "$label-2" } },
	chg => { registrant => "$label-2", authInfo => 'w4Z-Second-g9RkSe2TnF7bL5h' },
}));
secured($first, '<secDNS:add><secDNS:dsData><secDNS:keyTag>12345</secDNS:keyTag><secDNS:alg>13</secDNS:alg><secDNS:digestType>2</secDNS:digestType>' .
	'<secDNS:digest>' . ('5A' x 32) . '</secDNS:digest></secDNS:dsData></secDNS:add>');
$domain = step('info of the domain', $first->domain_info($name));
same('its name servers', join(' ', sort @{ $domain->{ns} }), "$outside[0] $inside");
same('its registrant', $domain->{registrant}, "$label-2");
same('its DS record', join(', ', @{ $domain->{DS} }), '12345 13 2 ' . ('5A' x 32));
member('its statuses', 'clientHold', @{ $domain->{status} });
step('its status off again', $first->update_domain({ name => $name, rem => { status => ['clientHold'] } }));
step('renewal', $first->renew_domain({ name => $name, cur_exp_date => substr($created, 0, 10), period => 1 }));
$domain = step('info of the domain', $first->domain_info($name));
same('its expiry', substr($domain->{exDate}, 0, 4), substr($created, 0, 4) + 1);
show('the domain is complete');

# The other registrar gets it.
refused('transfer with a wrong secret', $second->domain_transfer_request($name, 'Wrong-Secret-2026', 1));
my $transfer = step('transfer request', $second->domain_transfer_request($name, 'w4Z-Second-g9RkSe2TnF7bL5h', 1));
same('its status', $transfer->{trStatus}, 'pending');
polled($first, qr/transfer/i);
step('query of the transfer', $first->domain_transfer_query($name));
step('approval', $first->domain_transfer_approve($name));
polled($second, qr/transfer/i);
$domain = step('info of the domain', $second->domain_info($name));
same('its sponsor', $domain->{clID}, $e->{registrars}[1]{id});
same('its expiry', substr($domain->{exDate}, 0, 4), substr($created, 0, 4) + 2);
show('the domain is transferred');

# The end.
step('update of the domain', $second->update_domain({ name => $name, rem => { ns => [$inside] } }));
step('delete of the host inside', $second->delete_host($inside));
step('delete of the domain', $second->delete_domain($name));
step('delete of a host', $first->delete_host($outside[1]));
step('logout', $_->logout) for $first, $second;
print "done\n";

sub connected {
	my ($registrar, $site) = @_;
	my ($host, $port) = split(/:/, $site->{epp});
	my $client = Net::EPP::Simple->new(
		host => $host, port => $port, user => $registrar->{id}, pass => $registrar->{password}, timeout => 20, load_config => 0,
		cert => $registrar->{cert}, key => $registrar->{key}, verify => 1, ca_file => $e->{ca},
	);
	return step("login as $registrar->{id} at $site->{name}", $client);
}

# show waits, so that whoever wants to may look.
sub show {
	print "$_[0]\n";
	<STDIN>;
}

sub why { return ($Net::EPP::Simple::Code // '?') . ' ' . ($Net::EPP::Simple::Error || $Net::EPP::Simple::Message || '') }

sub step {
	my ($what, $got) = @_;
	die "$what: " . why() . "\n" unless $got;
	print "$what\n";
	return $got;
}

sub refused {
	my ($what, $got, $want) = @_;
	die "$what: it is " . ($got // 'undefined') . ', ' . why() . "\n" unless defined($want) ? defined($got) && $got == $want : !defined($got);
	print "$what\n";
}

sub same {
	my ($what, $got, $want) = @_;
	die "$what: " . ($got // 'undefined') . ", not $want\n" unless defined($got) && lc($got) eq lc($want);
}

sub member {
	my ($what, $want, @got) = @_;
	die "$what: no $want among @got\n" unless grep { $_ eq $want } @got;
}

# secured updates the domain with DNSSEC data, for which Net::EPP has no method of its own.
sub secured {
	my ($client, $change) = @_;
	my $frame = Net::EPP::Frame::Command::Update::Domain->new;
	$frame->setDomain($name);
	my $extension = XML::LibXML->new->parse_balanced_chunk(
		'<extension xmlns="urn:ietf:params:xml:ns:epp-1.0"><secDNS:update xmlns:secDNS="urn:ietf:params:xml:ns:secDNS-1.1">' . $change . '</secDNS:update></extension>');
	$frame->command->insertBefore($extension->firstChild, $frame->clTRID);
	step('DNSSEC data', $client->_get_response_result($client->request($frame)));
}

# polled reads messages, and acknowledges them, up to one that is as wanted.
sub polled {
	my ($client, $wanted) = @_;
	for (1 .. 100) {
		my $got = $client->request(Net::EPP::Frame::Command::Poll::Req->new) or last;
		last if $got->code != 1301;
		my $queue = $got->getElementsByLocalName('msgQ')->shift;
		my $text = $queue->textContent;
		my $ack = Net::EPP::Frame::Command::Poll::Ack->new;
		$ack->setMsgID($queue->getAttribute('id'));
		my $done = $client->request($ack);
		die 'ack: ' . $done->code . "\n" unless $done->code == 1000 || $done->code == 1300;
		if ($text =~ $wanted) { print "message: $text\n"; return }
	}
	die "no message that is like $wanted\n";
}
