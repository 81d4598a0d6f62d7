// The demo writer's Spanish.
import type { DemoLanguage } from './demo-language.ts';

export const demoSpanish: DemoLanguage = {
  tales: [
    {
      title: 'el Puerto de los Barcos de Papel',
      guide: 'la garza de hojalata',
      wonder:
        'En el puerto todos los barcos eran de papel. Una mañana, todos le daban la espalda al mar y nadie sabía por qué.',
      meet: 'En el último poste del muelle, una garza de hojalata contaba las olas.',
      clue: 'Los barcos son como las cartas: van adonde alguien los espera.',
      obstacle:
        'Pero la marea había cerrado la verja del viejo muelle, y la llave estaba en algún lugar bajo el agua.',
      find: 'Bajo la última tabla colgaba una campanilla más pequeña que un dedal, con una puertecita azul pintada.',
      solve: '{hero} la hizo sonar tres veces, muy bajito. Mar adentro respondió otra campana.',
      end: 'Uno tras otro, los barcos dieron la vuelta, y el viento los llevó a una isla donde alguien llevaba mucho tiempo esperando una carta.',
    },
    {
      title: 'la Lámpara Perdida de la Luna',
      guide: 'el búho dormilón',
      wonder:
        'Una noche la luna salió sin luz. Colgaba sobre los tejados como un plato blanco, y los gatos no sabían cuándo empezar a cantar.',
      meet: 'En la chimenea de la casa más alta había un búho que apenas podía abrir los ojos.',
      clue: 'Le prestó su lámpara a alguien pequeño. Busca donde haga calor.',
      obstacle: 'Pero a la escalera del tejado le faltaba justo un peldaño.',
      find: 'Detrás de la chimenea, una familia de ratones tenía la lámpara junto al más pequeño, que estaba malito y temía la noche.',
      solve:
        '{hero} le dejó una vela y la promesa de volver al día siguiente, y subió la lámpara con las dos manos.',
      end: 'La luna tomó su lámpara, lo pensó un poco y dejó un rayito para los ratones. En las noches claras todavía se ve.',
    },
    {
      title: 'la Biblioteca de las Palabras Voladoras',
      guide: 'el gusano lector',
      wonder:
        'En la biblioteca alguien dejó una ventana abierta. Por la mañana, las palabras habían volado de los libros y las páginas estaban blancas como el pan.',
      meet: 'En el estante más bajo, un gusano con gafas intentaba leer una página vacía.',
      clue: 'Las palabras no huyen. Solo siguen a la mejor historia.',
      obstacle:
        'Pero las palabras estaban en lo alto del tilo y hacían tanto ruido que no se entendía ni una frase.',
      find: 'Entre las raíces había dos palabras que aún no sabían volar: «Érase una».',
      solve:
        '{hero} se sentó bajo el árbol, dijo «érase una vez» en voz alta y siguió contando hasta que casi fue de noche.',
      end: 'Palabra por palabra bajaron y encontraron su sitio. Solo «deprisa» no volvió, y nadie la echó de menos.',
    },
    {
      title: 'el Bosque sin Eco',
      guide: 'el viejo tejón',
      wonder:
        'En el bosque, detrás del molino, el eco había dejado de contestar. Quien llamaba solo recibía silencio.',
      meet: 'Junto al arroyo, un viejo tejón barría su escalón y pidió silencio con un dedo.',
      clue: 'El eco no se ha ido. Está cansado de que solo le griten.',
      obstacle: 'Pero el camino a su cueva estaba lleno de zarzas que se cerraban con cada palabra fuerte.',
      find: 'En el fondo de la cueva estaba el eco, pequeño como un gorrión, con las alas sobre las orejas.',
      solve: '{hero} no gritó. Susurró: «¿Qué tal tu día?», y esperó de verdad la respuesta.',
      end: 'El eco habló hasta que salieron las estrellas. Desde entonces contesta a todos, y a quien pregunta con cariño le contesta dos veces.',
    },
    {
      title: 'la Nieve que no Quería Caer',
      guide: 'la liebre blanca',
      wonder:
        'En el pueblo ya era invierno y la nieve no llegaba. Los trineos miraban al cielo, puestos en fila.',
      meet: 'A la salida del pueblo, una liebre blanca hacía una maleta muy pequeña.',
      clue: 'El primer copo es tímido. Sin él, los demás no saltan.',
      obstacle: 'Pero la nube estaba tan alta que la torre apenas le hacía cosquillas en la barriga.',
      find: 'En lo alto de la torre, sobre la cola de la veleta, el primer copo se agarraba con fuerza.',
      solve: '{hero} le tendió la mano y dijo: «No hace falta saltar lejos. Solo hasta aquí».',
      end: 'El copo se soltó. Detrás vino otro, y otro, y luego tantos que todo el pueblo se rio en sueños.',
    },
    {
      title: 'el Pájaro de Cuerda',
      guide: 'la ratona del destornillador',
      wonder:
        'En un taller lleno de engranajes vivía un pájaro de cuerda que sabía todas las canciones menos la suya.',
      meet: 'De la caja de herramientas salió una ratona con un destornillador a la espalda.',
      clue: 'No hay nada roto. Una canción así no se arregla: se encuentra.',
      obstacle: 'Pero la puertecita del pájaro estaba oxidada, y todas las llaves eran demasiado grandes.',
      find: 'Detrás del engranaje más pequeño había un papelito con una sola nota, dibujada por una mano de niño.',
      solve: '{hero} tarareó la nota, un poco torcida, y el pájaro tarareó la siguiente.',
      end: 'Al anochecer tenían la canción entera. Chirriaba en el medio, y esa era la parte que más gustaba.',
    },
    {
      title: 'la Panadería que Flotaba',
      guide: 'el gato del delantal',
      wonder:
        'En la panadería de la esquina, el pan subió y siguió subiendo. Los panecillos colgaban del techo como nubes.',
      meet: 'Sobre el saco de harina había un gato con delantal, nada sorprendido.',
      clue: 'Alguien mezcló un deseo en la masa. Averigua de quién es, y el pan bajará.',
      obstacle: 'Pero la tienda estaba llena de gente con hambre, y todos hablaban a la vez.',
      find: 'En el cuenco había una cuchara de madera con un nombre grabado: el de la niña de la panadera.',
      solve: '{hero} le preguntó, y la niña susurró su deseo: ser tan alta como los demás, por una vez.',
      end: 'Así que la levantaron hasta el techo para recoger los panecillos uno a uno. Y desde allí arriba, resultó, se veía el mar.',
    },
    {
      title: 'la Pastora de Nubes',
      guide: 'la cabra montesa',
      wonder:
        'En lo alto de la montaña, una pastora cuidaba de las nubes. Hoy estaba resfriada, y las nubes se metían hasta en las cocinas.',
      meet: 'En una cornisa estrecha como una regla, una cabra masticaba y miraba.',
      clue: 'No las persigas. Las nubes vienen a quien se queda quieto.',
      obstacle: 'Pero la nube más pequeña se había metido en una cueva y llovía de miedo.',
      find: 'Al fondo de la cueva brillaba un charco, y en él la nube veía lo pequeña que era.',
      solve: '{hero} se sentó a su lado, en lo mojado, y le habló de charcos que llegaron a ser lagos.',
      end: 'Cuando salieron, las demás nubes esperaban en fila. Aquella tarde, el sol tardó el doble en ponerse.',
    },
    {
      title: 'el Tren Nocturno sin Nombre',
      guide: 'el erizo revisor',
      wonder:
        'Detrás de los huertos, donde no había vías, un tren se detuvo por la noche. En su cartel no había ningún nombre.',
      meet: 'Un erizo con gorra azul se asomó y picó una hoja de arce.',
      clue: 'Vamos adonde alguien conoce el camino. Esta noche, nadie lo conoce. ¿Y tú?',
      obstacle: 'Pero tras la tercera curva las vías se acababan en un prado lleno de niebla.',
      find: 'En la niebla había un poste sin flechas, y a sus pies, una tiza.',
      solve: '{hero} tomó la tiza, dibujó dos líneas sobre la hierba y escribió un nombre al final.',
      end: 'El tren las siguió, vagón tras vagón. Al salir el sol estaba justo donde {hero} había deseado.',
    },
    {
      title: 'el Jardín que Despertaba de Noche',
      guide: 'el caracol jardinero',
      wonder:
        'Detrás de la casa gris había un jardín donde de día no crecía nada. Pero de noche se oían hojas y olía a naranjas.',
      meet: 'Sobre la regadera esperaba un caracol con un rastrillo diminuto.',
      clue: 'No es perezoso. Solo le asusta que lo miren tanto.',
      obstacle: 'Pero el capullo más grande no quería abrirse, por mucho que todos miraran hacia otro lado.',
      find: 'Bajo una hoja había una nota muy antigua: «Floreceré cuando alguien se quede».',
      solve: '{hero} extendió una manta junto al capullo y se quedó hasta que cantaron los pájaros.',
      end: 'Con la primera luz, la flor se abrió. Desde entonces el jardín florece también de día, y siempre hay una manta para las visitas.',
    },
    {
      title: 'el Cuadro de la Puerta Abierta',
      guide: 'la ardilla pintora',
      wonder:
        'En el museo había un cuadro de una casa amarilla. Ayer la puerta estaba cerrada. Hoy estaba entreabierta, y en el suelo había arena.',
      meet: 'Una ardilla con pintura en la cola asomó por detrás del marco.',
      clue: 'Todos los colores siguen aquí. Solo el azul ha salido a pasear.',
      obstacle: 'Pero sin azul no había cielo ni agua, y no se podía cruzar el río de lienzo vacío.',
      find: 'En la otra orilla estaba el azul, muy triste: nadie le había preguntado nunca qué quería ser.',
      solve: '{hero} se lo preguntó. Y el azul, tras pensarlo mucho, dijo: «Por una vez, una bicicleta».',
      end: 'Si miras bien, la verás junto a la casa amarilla. El cielo vuelve a ser azul, pero los domingos un poco menos.',
    },
    {
      title: 'el Pozo de las Estrellas',
      guide: 'la luciérnaga',
      wonder:
        'A las afueras hay un pozo. Desde hacía tres noches faltaban estrellas en el cielo y algo brillaba en el fondo.',
      meet: 'Una luciérnaga daba vueltas sobre el borde, deslumbrada.',
      clue: 'Bajaron a beber y ahora pesan demasiado para volver.',
      obstacle: 'Pero el cubo tenía agujeros, y la luz se escapaba entre las tablas.',
      find: 'En la hierba, junto al pozo, había un paraguas olvidado el verano pasado.',
      solve:
        '{hero} abrió el paraguas, le dio la vuelta y sacó las estrellas una a una para secarlas al viento.',
      end: 'Ligeras como semillas, subieron flotando. Faltó una: se quedó en el paraguas, para las noches de lectura.',
    },
    {
      title: 'el Río que Iba al Revés',
      guide: 'la nutria',
      wonder:
        'El martes, el río dio media vuelta. Subía por la ladera, entre patos asombrados, y devolvía todo lo que se había llevado.',
      meet: 'Una nutria pasó flotando de espaldas, leyendo un periódico del año anterior.',
      clue: 'Ha olvidado algo en el manantial. Esas cosas pasan.',
      obstacle: 'Pero más arriba del molino, una montaña de zapatos y sombreros cerraba el paso al agua.',
      find: 'En el fondo del montón brillaba una piedra blanca, la primera que el río había pulido.',
      solve: '{hero} llevó la piedra hasta el manantial y la dejó donde el agua sale del musgo.',
      end: 'El río suspiró tan hondo que se oyó en el valle. Luego dio la vuelta y no ha vuelto a perderse.',
    },
    {
      title: 'el Viento sin Voz',
      guide: 'la cometa roja',
      wonder: 'Aquel otoño, el viento perdió la voz. Soplaba sin ruido, y las hojas bailaban en silencio.',
      meet: 'Una cometa roja, enganchada en un álamo, saludaba con la cola.',
      clue: 'Quiso cantar tan agudo como una flauta. Y entonces algo crujió.',
      obstacle: 'Pero la flauta estaba en el tejado de la torre, y allí arriba no se oía llamar a nadie.',
      find: 'Dentro de la flauta estaba la voz del viento, arrugada y avergonzada por una nota falsa.',
      solve: '{hero} tocó la flauta, muy mal y con mucha alegría, una nota falsa tras otra.',
      end: 'La voz se rio, y así volvió: a la chimenea, a las cerraduras, a la hierba alta. A veces desafina a propósito.',
    },
    {
      title: 'la Isla Paseante',
      guide: 'la gaviota joven',
      wonder:
        'En el mapa, la isla estaba al sur. Pero aquella mañana apareció justo delante de la playa, con una chimenea humeante.',
      meet: 'Una gaviota joven se posó en la barandilla, sin aliento.',
      clue: 'No es una isla. Es una tortuga, y busca a alguien.',
      obstacle: 'Pero la tortuga dormía tan profundamente que ningún grito la despertaba.',
      find: 'Detrás de su oreja crecía un jardín, y en él había una concha todavía tibia.',
      solve: '{hero} acercó la concha a su oído, y dentro se oía llamar a una tortuga muy pequeña.',
      end: 'Así supo el camino. Hoy hay dos islas en el mapa, una grande y una diminuta, y en primavera salen juntas de paseo.',
    },
    {
      title: 'la Hora Perdida',
      guide: 'la paloma del campanario',
      wonder:
        'En la ciudad vieja el reloj dio las cuatro y luego las seis. Las cinco habían desaparecido, y con ellas la merienda.',
      meet: 'En el campanario, una paloma guardaba segundos en cajas de cerillas.',
      clue: 'Nadie la robó. Tenían todos tanta prisa que se cayó.',
      obstacle: 'Pero en la plaza todos corrían tanto que no se podía buscar nada en el suelo.',
      find: 'Bajo el banco de la fuente estaba la hora, un poco pisada, no mayor que una ciruela.',
      solve:
        '{hero} se sentó en el banco y no hizo nada. Uno tras otro se paraban a preguntar, y se quedaban.',
      end: 'Cuando toda la plaza estuvo sentada, el reloj dio las cinco. Ahora el banco tiene un letrero: «Sin prisa, por favor».',
    },
    {
      title: 'el Dragón Resfriado',
      guide: 'el murciélago de la cocina',
      wonder:
        'En la cocina del castillo, un dragón enciende el fogón cada mañana. Hoy solo estornudaba pompas de jabón.',
      meet: 'Del cucharón colgaba, cabeza abajo, un murciélago con un cuaderno.',
      clue: 'Su fuego no se ha apagado. Solo se ha asustado.',
      obstacle:
        'Pero el dragón se había escondido bajo la escalera y no dejaba que nadie le mirara la garganta.',
      find: 'Al fondo, entre dos dientes, temblaba una chispa. Había oído que los dragones estaban pasados de moda.',
      solve:
        '{hero} le habló de todo lo que solo sabe bien gracias al fuego: las tostadas, las manzanas asadas, el chocolate después de la lluvia.',
      end: 'La chispa se puso roja de alegría. El fogón rugió, la tetera bailó, y la cocinera hizo un pastel con forma de dragón.',
    },
    {
      title: 'el Mercado de las Cosas Perdidas',
      guide: 'la urraca',
      wonder:
        'Una vez al año, con la niebla, hay un mercado de cosas perdidas. Esta vez un puesto estaba vacío, y su dueño lloraba.',
      meet: 'Una urraca del puesto de al lado le acercó un pañuelo.',
      clue: 'Ha perdido lo que guardaba para otra persona.',
      obstacle: 'Pero en la niebla todas las calles eran iguales, y las farolas cambiaban de sitio.',
      find: 'En un portal había una melodía sin canción, y tenía frío.',
      solve: '{hero} la tarareó todo el camino de vuelta, para no olvidarla, sin pararse ni una vez.',
      end: 'El viejo la reconoció a la primera nota. «De mi madre», dijo. Y al cantarla, la niebla se fue.',
    },
    {
      title: 'el Piano y la Nota que Faltaba',
      guide: 'la araña de las cuerdas',
      wonder:
        'Al piano de la escuela le faltaba una nota. Justo donde cada canción se pone bonita, solo hacía «plop».',
      meet: 'Entre las cuerdas vivía una araña que se sabía todas las canciones.',
      clue: 'Salió a buscar a alguien que no ha cantado nunca.',
      obstacle: 'Pero en el patio había tanto ruido que no se habría encontrado ni una trompeta.',
      find: 'Detrás de las bicicletas había alguien muy callado, con la nota en el hombro, ligera como una pluma.',
      solve: '{hero} no pidió nada. Se sentó a tararear y dejó un hueco del tamaño de una nota.',
      end: 'Y en el hueco, muy bajito, sonó una voz. La nota volvió al piano, pero sale de visita en cada recreo.',
    },
    {
      title: 'la Calle de las Luciérnagas',
      guide: 'el sapo farolero',
      wonder:
        'En la calle de los Sauces, las luciérnagas encienden los faroles. Una noche se quedaron todos a oscuras.',
      meet: 'Un sapo con una vara muy larga estaba sentado en el bordillo.',
      clue: 'No están enfadadas. Le tienen miedo a la oscuridad.',
      obstacle:
        'Pero al final de la calle la oscuridad era espesa como el terciopelo, y cada paso parecía de otra persona.',
      find: 'Dentro del terciopelo, poco a poco, se veían mil cosas pequeñas: una polilla, un hilo de plata, un caracol dormido.',
      solve:
        '{hero} tomó del ala a la luciérnaga más pequeña y le enseñó, una por una, las cosas que solo muestra la oscuridad.',
      end: 'Farol a farol, la calle se encendió. Desde entonces, cada noche, las luces se apagan una hora para que todos puedan mirar.',
    },
  ],
  heroes: ['Nico', 'Lía', 'Alex', 'Noa', 'Luca', 'Ariel'],
  titles: ['{hero} y {title}', 'El cuento de {hero} y {title}'],
  ideaNouns: ['Esta es la historia de {idea}.', 'Había una vez una historia sobre {idea}, y empezaba así.'],
  ideaQuotes: [
    'Todo empezó con una idea: «{idea}».',
    'En un papelito alguien había escrito: «{idea}». Y así empezó.',
  ],
  noIdea: [
    'Este es un cuento para una hora tranquila.',
    'Hay cuentos que empiezan con un golpe en la puerta. Este empezó con una sorpresa.',
  ],
  naming: ['El nombre que importa es {hero}.', 'Y en medio de todo está {hero}.'],
  summaries: [
    '{idea}: esta vez, al final del camino espera {title}.',
    '{idea}, y cómo aparece {title}. Una aventura tranquila con buen final.',
  ],
  speaking: [
    '«{clue}» {Guide} no quiso decir nada más.',
    '{Guide} miró a un lado, miró al otro y susurró: «{clue}»',
  ],
  senses: [
    'El aire olía a lluvia y a piedra tibia.',
    'En alguna parte se cerró una ventana, muy despacio.',
    'Había tanto silencio que se oía crecer la hierba.',
    'A lo lejos un perro ladró dos veces y se lo pensó mejor.',
    'El cielo tenía el color del interior de una concha.',
    'Un escarabajo cruzó el camino, y tenía preferencia.',
  ],
  feelings: [
    '{hero} tragó saliva y siguió adelante.',
    'El corazón de {hero} latía deprisa, pero en la buena dirección.',
    '{hero} tenía un poco de miedo y, aun así, se quedó.',
    '{hero} respiró hondo y contó hasta cuatro.',
  ],
  topics: [
    'Una cosa no se le iba de la cabeza a {hero}: {topic}.',
    'Y {hero} recordó cómo había empezado todo: {topic}.',
  ],
  hooks: [
    '¿Qué harías tú?',
    '¿Y ahora?',
    '{hero} miró alrededor. Había más de un camino.',
    'Era hora de decidir.',
  ],
  closings: [
    '{hero} volvió a casa despacio, porque un buen día no se apura. Y colorín colorado.',
    'Aquella noche {hero} durmió de maravilla. Y si todavía no duermes: buenas noches.',
    '{hero} saludó con la mano hasta que no quedó nada que ver, y luego un poquito más.',
  ],
  ownChoice: 'Así quedó decidido: {choice}.',
  choices: {
    open: [
      { label: 'Ir a ver enseguida', leads: '{hero} fue enseguida, antes de que se enfriara el valor.' },
      {
        label: 'Preguntar a quien lo vio',
        leads: '{hero} preguntó de puerta en puerta, hasta que alguien señaló el camino.',
      },
      {
        label: 'Llevar un farol y un bocadillo',
        leads: 'Con un farol y un bocadillo se llega lejos, y {hero} llegó.',
      },
      {
        label: 'Quedarse en silencio y escuchar',
        leads: '{hero} escuchó, y al cabo de un rato el silencio señaló una dirección.',
      },
    ],
    meet: [
      { label: 'Confiar en el consejo', leads: '{hero} decidió confiar, y se pusieron en camino.' },
      { label: 'Hacer otra pregunta', leads: '{hero} hizo otra pregunta. La respuesta fue una sonrisa.' },
      {
        label: 'Compartir la merienda',
        leads: 'Primero compartieron la merienda: con la tripa llena, todo camino es más corto.',
      },
      { label: 'Apuntar la pista', leads: '{hero} se apuntó las palabras en la mano, para no perderlas.' },
    ],
    road: [
      { label: 'Seguir deprisa', leads: 'Siguieron deprisa, mientras hubo buena luz.' },
      { label: 'Descansar un momento', leads: 'Descansaron lo que se tarda en comer una manzana.' },
      {
        label: 'Tomar el sendero estrecho',
        leads: 'Tomaron el sendero estrecho, que parecía estar pensando.',
      },
      {
        label: 'Dar las gracias y saludar',
        leads: 'Dieron las gracias y saludaron, y ese saludo los abrigó un buen rato.',
      },
    ],
    block: [
      { label: 'Tener paciencia', leads: '{hero} esperó. Esperar es lento, pero consigue mucho.' },
      { label: 'Buscar un rodeo', leads: 'Casi siempre hay un pequeño rodeo, y {hero} lo encontró a gatas.' },
      {
        label: 'Pedir ayuda en voz alta',
        leads: '«¿Alguien puede ayudar?», gritó {hero}. Y alguien pudo, como casi siempre.',
      },
      {
        label: 'Contar un chiste',
        leads: '{hero} contó un chiste, ni siquiera bueno. Pero después de reír, todo fue más fácil.',
      },
    ],
    find: [
      { label: 'Tomarlo con las dos manos', leads: '{hero} acercó las dos manos, como a algo que respira.' },
      {
        label: 'Preguntar qué necesita',
        leads: '«¿Qué necesitas?», preguntó {hero}, y la pregunta ya era media ayuda.',
      },
      { label: 'Sentarse al lado', leads: '{hero} se sentó en silencio y dejó que el momento se acercara.' },
    ],
  },
  episodes: [
    {
      title: 'El puente',
      text: 'Llegaron a un puente al que le faltaba justo una tabla. {hero} puso encima la tapa de una caja de galletas. Temblaba, pero aguantó.',
    },
    {
      title: 'Té con el gigante',
      text: 'Bajo un roble había un gigante con una tetera diminuta. Llevaba cien años esperando visita, y el té seguía caliente. «Es que soplo al revés», explicó.',
    },
    {
      title: 'Media lluvia',
      text: 'A la izquierda llovía, a la derecha hacía sol. {hero} iba por el medio, con una manga mojada y otra seca, y un arcoíris los acompañó un rato.',
    },
    {
      title: 'Los botones',
      text: 'Una señora vendía botones: uno para el valor, uno para el sueño y uno que solo abrochaba. {hero} eligió el último, porque siempre hace falta.',
    },
    {
      title: 'La piedra viajera',
      text: 'En el camino había una piedra que quería ver mundo. {hero} se la guardó en el bolsillo. «¡Uy!», dijo a los diez pasos, «es aún más grande de lo que pensaba».',
    },
    {
      title: 'La cama de musgo',
      text: 'Cuando se hizo tarde, se acostaron en el musgo. Entre las ramas había un hueco justo para una estrella, y la estrella se había dado cuenta.',
    },
    {
      title: 'El caracol barquero',
      text: 'Un caracol los llevó al otro lado del arroyo, de uno en uno y con gran dignidad. Tardó toda la tarde.',
    },
    {
      title: 'El guante perdido',
      text: 'En una valla, un guante rojo buscaba a su pareja. Dos campos más allá la encontraron. Ahora los dos saludan a quien pasa.',
    },
  ],
  pageTitles: {
    open: ['El principio', 'Algo ha cambiado'],
    meet: ['Una nueva amistad', 'Un buen consejo'],
    block: ['No se puede pasar', 'Lo más difícil'],
    find: ['El hallazgo', '¡Aquí está!'],
    end: ['De vuelta a casa', 'Todo va bien'],
  },
  looks: [
    'con una bufanda roja y ojos curiosos',
    'con un impermeable amarillo demasiado grande',
    'con una gorra verde y una mochila remendada',
  ],
  guideLook: 'un personaje pequeño y simpático, siempre cerca',
  style: 'ilustración de cuento infantil, acuarela suave, luz cálida, sin texto',
  altText: 'Ilustración: {scene}',
  space: ' ',
};
