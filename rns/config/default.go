package config

// DefaultText is what to write where no file exists (spec 3 §5.7).
const DefaultText = `# This is the configuration of Reticulum. Every program on this machine that
# uses Reticulum reads it. A line that begins with # is a comment. A value with
# a comma or a # in it needs quotes.

[reticulum]

# Pass on packets and announces of others. For nodes that are always on and
# stay where they are.
enable_transport = False

# The first program that starts shares its interfaces with the others.
share_instance = Yes

# To run several separate instances on one machine, give each its own name.
instance_name = default

# Answer probes, so that others can test the path to here. Needs transport.
# respond_to_probes = No


[logging]

# 0 critical, 1 error, 2 warning, 3 notice, 4 info, 5 verbose, 6 debug, 7 path,
# 8 extreme
loglevel = 4


# One section for each interface, with a name of your choice.

[interfaces]

# Finds others on the same network, without any further configuration.
[[Default Interface]]
  type = AutoInterface
  enabled = Yes

# Connects to another node over the Internet, or any other IP network.
# [[Example TCP client]]
#   type = TCPClientInterface
#   enabled = Yes
#   target_host = hub.example
#   target_port = 4242

# Lets others connect to this node. A network name and a passphrase keep out
# those who do not know them.
# [[Example TCP server]]
#   type = TCPServerInterface
#   enabled = Yes
#   listen_ip = ::
#   listen_port = 4242
#   network_name = "our village"
#   passphrase = "put # and , in quotes"

# A radio.
# [[Example RNode]]
#   type = RNodeInterface
#   enabled = Yes
#   port = /dev/ttyUSB0
#   frequency = 867200000
#   bandwidth = 125000
#   txpower = 7
#   spreadingfactor = 8
#   codingrate = 5
`
